import { describe, expect, it } from 'vitest';
import { countOption, namesOption, timeOption } from '../../scripts/commands/context.ts';

describe('timeOption', () => {
  it('takes now, a span back from now, and times', () => {
    const near = (ms: number) => expect.closeTo(ms, -4);
    expect(timeOption('now')).toEqual(near(Date.now()));
    expect(timeOption('-24h')).toEqual(near(Date.now() - 86_400_000));
    expect(timeOption('2026-01-31')).toBe(Date.parse('2026-01-31T00:00:00Z'));
    expect(timeOption('2026-01-31T05:00:00.123456Z') * 1000).toBe(Date.parse('2026-01-31T05:00:00.123Z') * 1000 + 456);
    // no float of milliseconds holds this one, and DuckDB takes whole microseconds alone
    expect(timeOption('2040-01-01T00:00:00.000001Z') * 1000).toSatisfy((micros) => Number.isSafeInteger(micros));
    expect(timeOption('2026-01-31 05:00+01:00')).toBe(Date.parse('2026-01-31T04:00:00Z'));
  });

  it.each(['', '24h', '-24', 'yesterday', '2026', '2026-02-30', '2026-01-31T25:00', '1769835600'])(
    'refuses %j',
    (value) => {
      expect(() => timeOption(value)).toThrow(/expected "now", a span such as -24h, or a time such as/);
    },
  );
});

it('countOption takes whole numbers above 0', () => {
  expect(countOption('100')).toBe(100);
  for (const value of ['0', '-1', '1.5', '1e3', '0x10', '', ' 1', '9007199254740991', '1e400'])
    expect(() => countOption(value)).toThrow('expected a whole number above 0');
});

it('namesOption takes names parted by commas, and adds those of the option given again', () => {
  expect(namesOption('b, c', namesOption('a'))).toEqual(['a', 'b', 'c']);
  for (const value of ['', 'a,', ',a', 'a,,b'])
    expect(() => namesOption(value)).toThrow('expected names parted by commas');
});
