import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTimeMicros, withIsoTimes } from '../../hunt/time.ts';

const micros = (iso: string) => Date.parse(iso) * 1000;

describe('parseTimeMicros', () => {
  it.each([
    ['2026-01-31', micros('2026-01-31T00:00:00Z')],
    ['2026-01-31T05:00', micros('2026-01-31T05:00:00Z')],
    ['2026-01-31 05:00', micros('2026-01-31T05:00:00Z')],
    ['2026-01-31T05:00+01:00', micros('2026-01-31T04:00:00Z')],
    ['2026-01-31T05:00Z', micros('2026-01-31T05:00:00Z')],
    ['2026-01-31T05:00:00', micros('2026-01-31T05:00:00Z')],
    ['2026-01-31 05:00:00.000001', micros('2026-01-31T05:00:00Z') + 1],
  ])('takes %s, as UTC where it says no zone', (text, expected) => {
    expect(parseTimeMicros(text)).toBe(expected);
  });

  it.each([
    '',
    'now',
    '2026',
    '1',
    '2026-02-30',
    '2026-13-01',
    '31/01/2026',
    '2026-01-31T25:00',
    '2026-01-31Z',
    'x2026-01-31',
  ])('refuses %j', (text) => {
    expect(parseTimeMicros(text)).toBeUndefined();
  });

  it('takes every time that JavaScript writes', () => {
    const range = { min: new Date('1970-01-01'), max: new Date('2199-12-31'), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(range), (date) => {
        expect(parseTimeMicros(date.toISOString())).toBe(date.getTime() * 1000);
      }),
    );
  });
});

it('withIsoTimes gives times their zone, within lists and structs too, and leaves all else', () => {
  const at = { kind: 'timestamp' } as const;
  const text = { kind: 'text' } as const;
  expect(withIsoTimes('2026-01-31 05:00:00.012345', at)).toBe('2026-01-31T05:00:00.012345Z');
  expect(withIsoTimes('2026-01-31 05:00:00', text)).toBe('2026-01-31 05:00:00');
  const threats = { kind: 'list', item: { kind: 'struct', fields: { time: at, name: text } } } as const;
  expect(withIsoTimes([{ time: '2026-01-31 05:00:00', name: 'a b' }, null], threats)).toEqual([
    { time: '2026-01-31T05:00:00Z', name: 'a b' },
    null,
  ]);
  for (const type of [at, threats]) expect(withIsoTimes(null, type)).toBeNull();
});
