import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, resolveStart } from '../../sources/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['30s', 30],
    ['5m', 300],
    ['1h', 3600],
    ['7d', 604_800],
    ['0s', 0],
  ])('takes %s as %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(['', '5', 'm', '5 m', '5M', '-5m', '1.5h', '5m30s', '1w', '1234567s', ' 5m', '5m\n'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('formatDuration', () => {
  it('writes the largest unit that is exact', () => {
    expect([45, 60, 90, 5400, 7200, 86_400, 90_000].map(formatDuration)).toEqual([
      '45s',
      '1m',
      '90s',
      '90m',
      '2h',
      '1d',
      '25h',
    ]);
  });

  it('writes what parseDuration reads', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds);
      }),
    );
  });
});

describe('resolveStart', () => {
  it('goes back from now, or takes the time as it is', () => {
    const now = Date.parse('2026-01-31T05:00:00Z');
    expect(resolveStart('-7d', now).toISOString()).toBe('2026-01-24T05:00:00.000Z');
    expect(resolveStart('2026-01-30T00:00:00Z', now).toISOString()).toBe('2026-01-30T00:00:00.000Z');
  });
});
