import { describe, expect, it } from 'vitest';
import { keyTimeMs } from '../../../sources/s3/key-time.ts';

const timeOf = (key: string, prefix?: string): string | undefined => {
  const timeMs = keyTimeMs(key, prefix);
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString().slice(0, 13);
};

describe('keyTimeMs', () => {
  it.each([
    ['filter/2026/11/24/05/x.gz', '2026-11-24T05'],
    ['filter/2026/11/24/x.gz', '2026-11-24T00'],
    ['year=2026/month=11/day=24/hour=05/x.gz', '2026-11-24T05'],
    ['dt=2026-11-24/part-0.gz', '2026-11-24T00'],
    ['2026-11-24-05.log', '2026-11-24T05'],
    ['log_2026_11_24_0512.gz', '2026-11-24T05'],
    ['2026-11-24T05:12:00Z.log', '2026-11-24T05'],
    ['202611/24/05.log', '2026-11-24T05'],
    ['log-20261124.gz', '2026-11-24T00'],
    ['log-20261124T0500.gz', '2026-11-24T05'],
    ['log-20261124T050000Z.gz', '2026-11-24T05'],
    ['log-2026112405.gz', '2026-11-24T05'],
    ['log-20261124050000.gz', '2026-11-24T05'],
    ['log-20261124050000123.gz', '2026-11-24T05'],
    ['log-202611240500.gz', '2026-11-24T05'],
    ['202611240500', '2026-11-24T05'],
    ['2026-11-24_2030_x.gz', '2026-11-24T20'],
    ['2026-11-24_2026-11-25.gz', '2026-11-24T00'],
  ])('reads the date of %s', (key, time) => {
    expect(timeOf(key)).toBe(time);
  });

  it.each(['filter/x.gz', 'filter/2026/13/24/x.gz', 'part-1764000000000.gz', 'v2.0.26/11/24', 'id-920261124/x', ''])(
    'finds no date in %j',
    (key) => {
      expect(timeOf(key)).toBeUndefined();
    },
  );

  it('does not take the number of an account for a date, nor for an hour', () => {
    const file = '202012310000_flow_us-east-1_20261124T0500Z_1a2b.log.gz';
    expect(timeOf(`AWSLogs/202012310000/flow/2026/11/24/${file}`)).toBe('2026-11-24T00');
    expect(timeOf(`AWSLogs/202012310000/${file}`)).toBe('2026-11-24T05');
    expect(timeOf('AWSLogs/202012310000/flow/x.gz')).toBeUndefined();
    expect(timeOf('AWSLogs/2020123100001/flow/x.gz')).toBeUndefined();
  });

  it('takes a date behind the prefix before one within it', () => {
    expect(timeOf('export-2025-01-01/2026/11/24/x.gz', 'export-2025-01-01/')).toBe('2026-11-24T00');
    expect(timeOf('export-2025-01-01/log-202611240500.gz', 'export-2025-01-01/')).toBe('2026-11-24T05');
    expect(timeOf('filter/2026/11/24/x.gz', 'filter/2026/')).toBe('2026-11-24T00');
    expect(timeOf('filter/2026/11/24/x.gz', 'filter/2026/11/24/')).toBe('2026-11-24T00');
  });
});
