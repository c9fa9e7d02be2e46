import { describe, expect, it } from 'vitest';
import { openLakeInstance } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { commitsBetween, fileCounts, mergeSmallFiles } from '../../lake/merging.ts';
import { alterLake, filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const dayMs = 86_400_000;
const state = `
  SELECT (SELECT count(*)::INTEGER FROM ${filterTable}) AS rows, (SELECT count(DISTINCT event_id)::INTEGER FROM ${filterTable}) AS ids,
    (SELECT count(*)::INTEGER FROM batches) AS batches`;

describe('files of small commits', () => {
  it('are merged as they come, whoever else commits, and every row stays', async () => {
    const settings = sqliteLake(temporaryDirectory('merging'));
    const lakes = [await openLake(settings), await openLake(settings)];
    await alterLake(settings, 'UPDATE lake.fence SET commits = 1000');
    const load = async (number: number) => {
      const lake = lakes[number % 2];
      if (lake !== undefined) await loadLines(lake, objectHeader(`object-${number}`), [filterLine(number)]);
    };
    const count = 2 * commitsBetween;
    await Promise.all(
      lakes.map(async (_, first) => {
        for (let number = first; number < count; number += 2) await load(number);
      }),
    );
    for (const lake of lakes) await lake.close();
    expect(await queryLake(settings, state)).toEqual([{ rows: count, ids: count, batches: count }]);

    const lake = await openLake(settings);
    const again = await loadLines(lake, objectHeader('again'), [filterLine(5), filterLine(count)]);
    expect(again.tables).toMatchObject([{ rows: 2, rowsAdded: 1 }]);
    await lake.close();
    const files = await queryLake(
      settings,
      `SELECT table_name, file_count::INTEGER AS files FROM ducklake_table_info('lake') WHERE file_count > 0`,
    );
    for (const { files: left } of files) expect(left).toBeLessThan(commitsBetween);
    // made anew once on the way
    expect(await queryLake(settings, `SELECT commits < 1000 AS young FROM fence`)).toEqual([{ young: true }]);
  });

  it('are merged where a partition has many, not where many partitions have one', async () => {
    const settings = sqliteLake(temporaryDirectory('merging-partitions'));
    const lake = await openLake(settings);
    const days = 40;
    for (let day = 0; day < days; day += 1) {
      const date = new Date(Date.UTC(2026, 0, 1) + day * dayMs).toISOString().slice(0, 10);
      await loadLines(lake, objectHeader(`day-${day}`), [filterLine(day).replace('2026-01-31', date)]);
    }
    await lake.close();
    const opened = await openLakeInstance(settings, { readOnly: false });
    try {
      const connection = await opened.connect();
      const counts = async () => {
        const all = await fileCounts(connection);
        return [all.get(filterTable), all.get('batches')];
      };
      expect(await counts()).toEqual([days, days]);
      await mergeSmallFiles(connection);
      expect(await counts()).toEqual([days, 1]);
    } finally {
      opened.close();
    }
  });

  it('are merged by maintenance in their turn with commits of the same process, which would always be first', async () => {
    const settings = sqliteLake(temporaryDirectory('merging-turn'));
    const lake = await openLake(settings);
    try {
      for (let number = 0; number < 30; number += 1)
        await loadLines(lake, objectHeader(`object-${number}`), [filterLine(number)]);
      const order: string[] = [];
      await Promise.all([
        lake.maintenance.merge(filterTable).then(() => order.push('merged')),
        loadLines(lake, objectHeader('meanwhile'), [filterLine(30)]).then(() => order.push('loaded')),
      ]);
      expect(order).toEqual(['merged', 'loaded']);
    } finally {
      await lake.close();
    }
  });
});
