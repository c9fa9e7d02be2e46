import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('maintenance', () => {
  it('merges the files of many commits while another commits, and leaves every row', async () => {
    const settings = sqliteLake(temporaryDirectory('maintenance'));
    const lake = await openLake(settings);
    const load = (number: number) =>
      loadLines(lake, objectHeader(`object-${number}`), [filterLine(2 * number), filterLine(2 * number + 1)]);
    const state = async () =>
      queryLake(
        settings,
        `SELECT (SELECT count(*)::INTEGER FROM ${filterTable}) AS rows, (SELECT count(DISTINCT event_id)::INTEGER FROM ${filterTable}) AS ids,
          (SELECT count(*)::INTEGER FROM batches) AS batches`,
      );
    const files = () =>
      readdirSync(settings.dataPath, { recursive: true }).filter((file) => String(file).endsWith('.parquet')).length;
    try {
      for (let number = 0; number < 20; number += 1) await load(number);
      const [maintained] = await Promise.all([
        maintainLake(settings, { keepSeconds: 86_400 }),
        (async () => {
          for (let number = 20; number < 30; number += 1) await load(number);
        })(),
      ]);
      expect(maintained.merged.map(({ table }) => table)).toEqual(expect.arrayContaining([filterTable, 'batches']));
      for (const { filesBefore } of maintained.merged) expect(filesBefore).toBeGreaterThanOrEqual(20);
      expect(maintained).toMatchObject({ snapshotsExpired: 0, filesDeleted: 0 });
      expect(await state()).toEqual([{ rows: 60, ids: 60, batches: 30 }]);

      // what nobody keeps goes, and a batch that comes again is known
      const before = files();
      const { filesDeleted, snapshotsExpired } = await maintainLake(settings, { keepSeconds: 0 });
      expect(snapshotsExpired).toBeGreaterThan(20);
      expect(filesDeleted).toBeGreaterThan(40);
      expect(files()).toBeLessThan(before - 40);
      expect((await load(3)).tables).toMatchObject([{ rows: 2, rowsAdded: 2 }]);
      expect(await state()).toEqual([{ rows: 60, ids: 60, batches: 30 }]);
    } finally {
      await lake.close();
    }
  });

  it('leaves larger files as they are where only small ones are to be merged', async () => {
    const settings = sqliteLake(temporaryDirectory('maintenance-small'));
    const lake = await openLake(settings);
    try {
      const large = Array.from({ length: 20_000 }, (_, number) => filterLine(number));
      await loadLines(lake, objectHeader('large'), large);
      for (let number = 0; number < 8; number += 1)
        await loadLines(lake, objectHeader(`small-${number}`), [filterLine(30_000 + number)]);
      expect(await lake.maintenance.mergeable()).toEqual(expect.arrayContaining([filterTable, 'batches']));
      const stopped = AbortSignal.abort(new Error('stopped'));
      await expect(lake.maintenance.merge(filterTable, {}, stopped)).rejects.toThrow('stopped');
      await expect(lake.maintenance.remove({ keepSeconds: 0 }, stopped)).rejects.toThrow('stopped');
      const merge = () => lake.maintenance.merge(filterTable, { maxFileBytes: 64 << 10 });
      expect(await merge()).toEqual({ table: filterTable, filesBefore: 9, filesAfter: 2 });
      expect(await merge()).toEqual({ table: filterTable, filesBefore: 2, filesAfter: 2 });
      const counted = await queryLake(settings, `SELECT count(DISTINCT event_id)::INTEGER AS ids FROM ${filterTable}`);
      expect(counted).toEqual([{ ids: 20_008 }]);
    } finally {
      await lake.close();
    }
  });
});
