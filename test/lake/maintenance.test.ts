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
});
