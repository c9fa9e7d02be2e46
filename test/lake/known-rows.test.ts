import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { timeRanges } from '../../lake/known-rows.ts';
import { openLake } from '../../lake/lake.ts';
import { filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const day = 86_400_000_000;
/** From one hour of a day to another. */
const span = (number: number, from = 0, to = 23) => ({
  low: number * day + (from / 24) * day,
  high: number * day + (to / 24) * day,
});

describe('the days of rows', () => {
  it('are one range where they lie together, in whatever order they come', () => {
    expect(timeRanges([])).toEqual([]);
    expect(timeRanges([span(3, 5, 6)])).toEqual([span(3, 5, 6)]);
    expect(timeRanges([span(5), span(3), span(4)])).toEqual([{ low: span(3).low, high: span(5).high }]);
  });

  it('are a range for each run of them', () => {
    expect(timeRanges([span(40), span(1), span(41, 0, 2), span(20, 7, 8)])).toEqual([
      span(1),
      span(20, 7, 8),
      { low: span(40).low, high: span(41, 0, 2).high },
    ]);
  });

  it('are eight ranges at most, parted where most lies between', () => {
    const far = Array.from({ length: 7 }, (_, index) => span(100 * index));
    const ranges = timeRanges([...far, span(603), span(606), span(609)]);
    expect(ranges).toHaveLength(8);
    expect(ranges.slice(0, 6)).toEqual(far.slice(0, 6));
    expect(ranges.slice(6)).toEqual(expect.arrayContaining([{ low: expect.any(Number), high: span(609).high }]));
    expect(ranges.reduce((sum, { low, high }) => sum + high - low, 0)).toBeLessThan(17 * day);
  });
});

describe('a commit of rows of today and of a month ago', () => {
  const line = (number: number, date: string) => filterLine(number).replace('2026-01-31', date);

  it('knows both again, and reads nothing of the time between', async () => {
    const settings = sqliteLake(temporaryDirectory('known-rows'));
    const lake = await openLake(settings);
    const dates = ['2026-01-01', '2026-01-15', '2026-01-31'];
    for (const date of dates) await loadLines(lake, objectHeader(date), [line(1, date)]);
    const between = join(settings.dataPath, 'main', filterTable, 'event_day=2026-01-15');
    expect(readdirSync(between)).toHaveLength(1);
    rmSync(between, { recursive: true });
    const late = [line(1, '2026-01-31'), line(2, '2026-01-31'), line(1, '2026-01-01'), line(2, '2026-01-01')];
    const receipt = await loadLines(lake, objectHeader('late'), late);
    expect(receipt.tables).toMatchObject([{ rows: 4, rowsAdded: 2 }]);
    // what is gone is missed only by who needs it
    await expect(loadLines(lake, objectHeader('again'), [line(1, '2026-01-15')])).rejects.toMatchObject({
      code: 'lake.unavailable',
    });
    await lake.close();
    const counted = `SELECT count(*)::INTEGER AS rows FROM ${filterTable} WHERE event_time < '2026-01-02' OR event_time > '2026-01-30'`;
    expect(await queryLake(settings, counted)).toEqual([{ rows: 4 }]);
  });
});
