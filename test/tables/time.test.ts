import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latestMicros, parseClockSeconds, parseIsoMicros } from '../../tables/time.ts';

describe('parseIsoMicros', () => {
  it.each([
    ['2021-12-01T18:21:31.000Z', 1_638_382_891_000_000],
    ['2021-12-01T18:21:31Z', 1_638_382_891_000_000],
    ['2021-12-06T08:43:36+00:00', 1_638_780_216_000_000],
    ['2022-02-20T08:35:00.157994-06:00', 1_645_367_700_157_994],
    ['2024-05-22T12:10:03.058340-0700', 1_716_405_003_058_340],
    ['2024-05-22T12:10:03.5+02', 1_716_372_603_500_000],
    ['2026-03-18 07:52:30.007522 -0500', 1_773_838_350_007_522],
    ['2021-12-01 18:21:31', 1_638_382_891_000_000],
    ['2021-12-01T18:21:31.123456789Z', 1_638_382_891_123_456],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000_000],
    ['1970-01-01T00:00:00Z', 0],
    ['2016-12-31T23:59:60Z', 1_483_228_800_000_000],
  ])('reads %s', (text, expected) => expect(parseIsoMicros(text)).toBe(expected));

  it.each([
    '2023-02-29T00:00:00Z',
    '2021-13-01T00:00:00Z',
    '2021-00-10T00:00:00Z',
    '2021-12-32T00:00:00Z',
    '2021-12-01T24:00:00Z',
    '2021-12-01T18:60:31Z',
    '1601-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2021-12-01',
    '2021-12-01T18:21:31.Z',
    '2021-12-01T18:21:31.1234567890Z',
    '2021-12-01T18:21:31Zulu',
    '2021-12-01T18:21:31 ',
    '2021-12-01T18:21:31+1',
    '2021-12-01T18:21:31+99:00',
    '2021-12-01T18:21:31+07-00',
    '2021/12/01T18:21:31Z',
    '1638382891',
    '',
  ])('refuses %j', (text) => expect(parseIsoMicros(text)).toBeUndefined());

  it('agrees with Date on every millisecond', () => {
    const limit = Date.UTC(2199, 11, 31);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: limit }), (ms) => {
        expect(parseIsoMicros(new Date(ms).toISOString())).toBe(ms * 1000);
      }),
    );
  });
});

describe('parseClockSeconds', () => {
  it('reads a time of day at its place', () => expect(parseClockSeconds('at 16:51:01', 3)).toBe(60_661));
  it('refuses what is no time of day', () => expect(parseClockSeconds('1651:01', 0)).toBeUndefined());
});

describe('latestMicros', () => {
  const december = Date.UTC(2025, 11, 31, 23, 59, 59) * 1000;

  it('puts December before a file of January', () =>
    expect(latestMicros(12, 31, 86_399, Date.UTC(2026, 0, 2) * 1000)).toBe(december));

  it('lets a clock run up to a day ahead of the file, across the year', () => {
    expect(latestMicros(1, 1, 0, december)).toBe(Date.UTC(2026, 0, 1) * 1000);
    expect(latestMicros(1, 3, 0, december)).toBe(Date.UTC(2025, 0, 3) * 1000);
  });

  it('finds the last leap year for 29 February', () =>
    expect(latestMicros(2, 29, 0, december)).toBe(Date.UTC(2024, 1, 29) * 1000));

  it('knows no 31 April', () => expect(latestMicros(4, 31, 0, december)).toBeUndefined());
});
