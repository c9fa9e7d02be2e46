import { describe, expect, it } from 'vitest';
import { unbracket } from '../../tables/address.ts';
import type { ColumnType } from '../../tables/column.ts';
import { fit } from '../../tables/fit.ts';

const textList: ColumnType = { kind: 'list', item: { kind: 'text' } };

describe('fit', () => {
  it.each([
    ['text', 'abc', 'abc'],
    ['text', 7, '7'],
    ['text', false, 'false'],
    ['text', ['only'], 'only'],
    ['text', ['first', 'second'], 'first'],
    ['int32', '120812', 120_812],
    ['int32', '-60', -60],
    ['int32', 2_147_483_647, 2_147_483_647],
    ['int64', '9007199254740991', 9_007_199_254_740_991],
    ['float64', '0.412', 0.412],
    ['float64', 88.5, 88.5],
    ['bool', 'True', true],
    ['bool', 'false', false],
    ['bool', true, true],
    ['timestamp', '1970-01-01T00:00:01Z', 1_000_000],
  ] as const)('gives a %s column the value of %j', (kind, value, expected) =>
    expect(fit(value, { kind })).toStrictEqual(expected),
  );

  it.each([
    ['int32', 2_147_483_648],
    ['int32', 1.5],
    ['int32', 'many'],
    ['int32', '1e3'],
    ['int32', '-'],
    ['int32', true],
    ['int64', '9007199254740993'],
    ['float64', '1.2.3'],
    ['float64', Number.POSITIVE_INFINITY],
    ['bool', 1],
    ['bool', 'yes'],
    ['timestamp', 1_638_382_891],
    ['timestamp', 'yesterday'],
    ['text', { a: 1 }],
    ['text', [{ a: 1 }]],
  ] as const)('does not fit into a %s column: %j', (kind, value) => expect(fit(value, { kind })).toBeUndefined());

  it.each([[null], [''], [[]], [[null]]])('takes %j for no value', (value) =>
    expect(fit(value, { kind: 'text' })).toBeNull(),
  );

  it('takes a single value for a list of one, and leaves empty items out', () => {
    expect(fit('a@b', textList)).toStrictEqual(['a@b']);
    expect(fit(['a', '', null, 7], textList)).toStrictEqual(['a', '7']);
    expect(fit([], textList)).toStrictEqual([]);
  });

  it('does not fit a list with an object in it', () => expect(fit(['a', {}], textList)).toBeUndefined());

  it('cleans every text first', () => {
    expect(fit(['<a@b>', '<>'], textList, unbracket)).toStrictEqual(['a@b']);
    expect(fit('<a@b>', { kind: 'text' }, unbracket)).toBe('a@b');
  });
});
