import { describe, expect, it } from 'vitest';
import { isTimeZone, toUtcOf } from '../../tables/zone.ts';

const utc = (zone: string, local: string) =>
  new Date(toUtcOf(zone)(Date.parse(`${local}Z`) * 1000) / 1000).toISOString().slice(0, 16);

describe('a local time', () => {
  it.each([
    ['UTC', '2026-07-01T12:00', '2026-07-01T12:00'],
    ['Europe/Berlin', '2026-01-31T00:30', '2026-01-30T23:30'],
    ['Europe/Berlin', '2026-07-01T12:00', '2026-07-01T10:00'],
    ['America/New_York', '2025-12-31T23:59', '2026-01-01T04:59'],
    ['Asia/Kolkata', '2026-03-01T05:30', '2026-03-01T00:00'],
    ['Asia/Kathmandu', '2026-03-01T05:45', '2026-03-01T00:00'],
    ['Pacific/Kiritimati', '2026-03-01T14:00', '2026-03-01T00:00'],
    // the day on which clocks go on, before and after
    ['Europe/Berlin', '2026-03-29T01:59', '2026-03-29T00:59'],
    ['Europe/Berlin', '2026-03-29T03:00', '2026-03-29T01:00'],
    ['America/New_York', '2026-03-08T01:59', '2026-03-08T06:59'],
    ['America/New_York', '2026-03-08T03:00', '2026-03-08T07:00'],
    // an hour that there is not
    ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30'],
    // the day on which they go back: before, the hour that comes twice, and after
    ['Europe/Berlin', '2026-10-25T01:59', '2026-10-24T23:59'],
    ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30'],
    ['Europe/Berlin', '2026-10-25T03:00', '2026-10-25T02:00'],
    ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30'],
    ['America/New_York', '2026-11-01T02:00', '2026-11-01T07:00'],
    ['Australia/Lord_Howe', '2026-04-05T01:29', '2026-04-04T14:29'],
    ['Australia/Lord_Howe', '2026-04-05T02:00', '2026-04-04T15:30'],
  ])('of %s, %s, is %s in UTC', (zone, local, expected) => expect(utc(zone, local)).toBe(expected));

  it('keeps its microseconds, and is the same in whatever order times come', () => {
    const toUtc = toUtcOf('Europe/Berlin');
    const winter = Date.parse('2026-01-31T12:00:00.123Z') * 1000 + 456;
    const summer = Date.parse('2026-07-01T12:00:00Z') * 1000;
    for (let time = 0; time < 3; time += 1) {
      expect(toUtc(winter)).toBe(winter - 3_600_000_000);
      expect(toUtc(summer)).toBe(summer - 7_200_000_000);
    }
  });
});

it('knows the names of time zones', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires']) expect(isTimeZone(name)).toBe(true);
  for (const name of ['', 'CEST5', 'Mars/Olympus', '../etc']) expect(isTimeZone(name)).toBe(false);
});
