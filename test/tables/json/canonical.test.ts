import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText, jsonText } from '../../../tables/json/canonical.ts';

const nested = (levels: number) => JSON.parse('{"a":'.repeat(levels) + '1' + '}'.repeat(levels)) as unknown;

describe('canonicalText', () => {
  it('sorts keys at every level and takes lists for bags', () =>
    expect(canonicalText({ b: [{ y: 1, x: 2 }, 3, '3'], a: null })).toBe('{"a":null,"b":["3",3,{"x":2,"y":1}]}'));

  it('tells apart objects that begin with the same key, however many', () => {
    for (let round = 0; round < 2; round += 1)
      for (let count = 1; count <= 20; count += 1) {
        const names = Array.from({ length: count }, (_, index) => `k${String(99 - index)}`);
        const record = Object.fromEntries(['same', ...names].map((key) => [key, 1]));
        const sorted = ['same', ...names].toSorted().map((key) => `"${key}":1`);
        expect(canonicalText(record)).toBe(`{${sorted.join(',')}}`);
      }
  });

  it('tells text from number, and one item from two equal ones', () => {
    expect(canonicalText({ a: '1' })).not.toBe(canonicalText({ a: 1 }));
    expect(canonicalText(['x', 'x'])).not.toBe(canonicalText(['x']));
  });

  it('ends at 64 levels', () => {
    expect(canonicalText(nested(64))).toContain('1');
    expect(canonicalText(nested(65))).toBeUndefined();
    expect(canonicalText(nested(200_000))).toBeUndefined();
  });

  it.each(['9007199254740992', '-9007199254740993', '1e300', '1e999'])(
    'knows no content of %s, which is rounded',
    (json) => expect(canonicalText(JSON.parse(`{"a":[1,${json}]}`))).toBeUndefined(),
  );

  it('takes the largest safe integers, and fractions of any length', () =>
    expect(canonicalText([9_007_199_254_740_991, -9_007_199_254_740_991, 0.123_456_789_012_345_68])).toBe(
      '[-9007199254740991,0.12345678901234568,9007199254740991]',
    ));

  it('is JSON of the same value, and of itself', () => {
    const limits = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
    const scalar = fc.oneof(fc.string(), fc.double({ noNaN: true, ...limits }), fc.constant(null));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), scalar), (record) => {
        expect(JSON.parse(canonicalText(record) ?? '')).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = canonicalText(JSON.parse(JSON.stringify(value)));
        fc.pre(text !== undefined);
        expect(canonicalText(JSON.parse(text))).toBe(text);
      }),
    );
  });
});

describe('jsonText', () => {
  it('keeps text as it is and lists in order', () => {
    expect(jsonText('a"b')).toBe('a"b');
    expect(jsonText({ b: [2, 1], a: null })).toBe('{"a":null,"b":[2,1]}');
  });

  it('says so where a value is nested too deeply, and keeps what stands beside it', () => {
    expect(jsonText(nested(100_000))).toContain('see raw');
    expect(jsonText(['beside', nested(100_000)])).toContain('beside');
  });

  it('keeps a number that is too large for a number', () =>
    expect(jsonText(JSON.parse('[1e999,-1e999]'))).toBe('["Infinity","-Infinity"]'));
});
