import { describe, expect, it } from 'vitest';
import { clockSkewSeconds, isBelievableSkew } from '../../../sources/tap/vendor-clock.ts';

const date = 'Sat, 31 Jan 2026 06:00:00 GMT';
const madeMs = Date.parse(date);
const skew = (askedSeconds: number, answeredSeconds: number) =>
  clockSkewSeconds({ date, askedMs: madeMs + askedSeconds * 1000, answeredMs: madeMs + answeredSeconds * 1000 });

describe('clockSkewSeconds', () => {
  it('is nothing where the header was made between asking and answer, however long that took', () => {
    expect(skew(-0.2, 0.3)).toBe(0);
    expect(skew(-170, 5)).toBe(0);
    expect(skew(-1, 28_800)).toBe(0);
  });

  it('is nothing where our clock was set back or forth while the vendor was asked', () => {
    expect(skew(1, -40)).toBe(0);
    expect(skew(-40, 1)).toBe(0);
  });

  it('is told where clocks differ: positive where the vendor is ahead', () => {
    expect(skew(600, 601)).toBe(-600);
    expect(skew(-602, -600)).toBe(600);
  });

  it('leaves out what the header cuts off', () => {
    expect(skew(0.9, 1.5)).toBe(0);
    expect(skew(2.4, 2.6)).toBe(0);
    expect(skew(3, 4)).toBe(-3);
  });

  it('is unknown without a header that can be read', () => {
    expect(clockSkewSeconds({ date: undefined, askedMs: 0, answeredMs: 1 })).toBeUndefined();
    expect(clockSkewSeconds({ date: 'soon', askedMs: 0, answeredMs: 1 })).toBeUndefined();
  });
});

it('is believed up to the margin that requests keep from the horizon, in both directions', () => {
  expect([0, -900, 900].map(isBelievableSkew)).toEqual([true, true, true]);
  expect([-901, 901, -8 * 86_400].map(isBelievableSkew)).toEqual([false, false, false]);
});
