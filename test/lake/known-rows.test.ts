import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { timeRanges } from '../../lake/known-rows.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import type { BatchHeader } from '../../lake/stage.ts';
import {
  alterLake,
  filterLine,
  filterTable,
  loadLines,
  objectHeader,
  queryLake,
  sqliteLake,
  today,
} from '../support/lake.ts';
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

describe('lines without a zone that come again once their source has another', () => {
  const newYork = 'America/New_York';
  /** A line every ten minutes from midnight on. */
  const lines = Array.from({ length: 130 }, (_, number) => {
    const time = new Date(Date.UTC(2026, 0, 31, 0, number * 10)).toISOString().replace('Z', '000');
    return filterLine(number).replace(/^\S+/, time);
  });
  const version = (etag: string, timezone?: string) => ({
    ...objectHeader('log'),
    batchId: `acme/filter/s3/logs/log@${etag}`,
    timezone,
  });
  const load = (lake: Lake, header: BatchHeader, loaded: readonly string[]) =>
    loadLines(lake, header, loaded, (record, origin) => today(record, { ...origin, timeZone: header.timezone }));

  it.each([
    [undefined, newYork],
    [newYork, undefined],
    ['Pacific/Kiritimati', 'Etc/GMT+12'],
  ])('are known at the times of %s as at those of %s', async (before, after) => {
    const lake = await openLake(sqliteLake(temporaryDirectory('rezoned')));
    onTestFinished(() => lake.close());
    await load(lake, version('v1', before), lines.slice(20, 110));
    expect((await load(lake, version('v2', after), lines)).tables).toMatchObject([{ rows: 130, rowsAdded: 40 }]);
  });

  it('are known when their letters are replayed, too', async () => {
    const settings = sqliteLake(temporaryDirectory('rezoned-letters'));
    const lake = await openLake(settings);
    onTestFinished(() => lake.close());
    await loadLines(lake, version('v1'), lines.slice(0, 1), () => ({
      reject: { code: 'unknown_line', reason: 'new' },
    }));
    await load(lake, version('v2', newYork), lines);
    const [letter] = await lake.readLetters({ tenantId: 'acme', filter: {}, after: '', limit: 10 });
    if (letter === undefined) throw new Error('the line is no letter');
    const { batchId, uri, fallbackTime, record } = letter;
    const origin = {
      tenantId: 'acme',
      batchId,
      uri,
      fallbackTime,
      fallbackTimeSource: 'object',
      ingestedAt: 5,
    } as const;
    const { row } = today(record, origin);
    expect(await lake.resolveLetters('acme', [{ letter, table: letter.table, row: row ?? {} }])).toBe(true);
    expect(await queryLake(settings, `SELECT count(*)::INTEGER AS rows FROM ${filterTable}`)).toEqual([{ rows: 130 }]);
  });

  it('read no more than others once the change is long ago', async () => {
    const settings = sqliteLake(temporaryDirectory('rezoned-before'));
    const lake = await openLake(settings);
    onTestFinished(() => lake.close());
    await load(lake, version('v1'), lines.slice(0, 1));
    await alterLake(settings, `UPDATE lake.batches SET committed_at = TIMESTAMP '2026-01-01'`);
    rmSync(join(settings.dataPath, 'main', filterTable), { recursive: true });
    expect((await load(lake, version('v2', newYork), lines.slice(60, 61))).tables).toMatchObject([{ rowsAdded: 1 }]);
  });
});
