import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { alterLake, filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { startPostgres } from '../support/postgres-server.ts';
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

  it.each(['/', '/.//'])(
    'removes leftovers and no file of the lake where LAKE_DATA has %j in its middle',
    async (middle) => {
      const directory = temporaryDirectory('maintenance-spelling');
      const settings = { ...sqliteLake(directory), dataPath: `${directory}/${middle}data` };
      const lake = await openLake(settings);
      onTestFinished(() => lake.close());
      for (const number of [1, 2, 3])
        await loadLines(lake, objectHeader(`of-${number}`), [filterLine(number), `garbled ${number}`]);
      // files of data and of deletions, and some that are scheduled to be removed
      await alterLake(settings, `CALL ducklake_merge_adjacent_files('lake', 'dead_letters')`);
      const leftover = join(directory, 'data/main', filterTable, 'event_day=2026-01-31/batch-of-nobody.parquet');
      writeFileSync(leftover, '');
      const removed = await lake.maintenance.remove({ keepSeconds: 0, unfinishedSeconds: 0 });
      expect(removed.leftoversDeleted).toBe(1);
      expect(existsSync(leftover)).toBe(false);
      const [counted] = await queryLake(
        settings,
        `SELECT (SELECT count(raw)::INTEGER FROM ${filterTable}) AS rows, (SELECT count(uri)::INTEGER FROM batches) AS batches,
        (SELECT count(raw)::INTEGER FROM dead_letters) AS letters, (SELECT sum(commits)::INTEGER FROM fence) AS commits`,
      );
      expect(counted).toEqual({ rows: 3, batches: 3, letters: 3, commits: 3 });
      expect((await loadLines(lake, objectHeader('again'), [filterLine(1)])).tables).toMatchObject([{ rowsAdded: 0 }]);
    },
  );

  it.each(['SQLite', 'Postgres'])(
    'lets no state go that is younger than what is kept, on a %s catalog',
    async (kind) => {
      const directory = temporaryDirectory('maintenance-keep');
      let settings = sqliteLake(directory);
      if (kind === 'Postgres') {
        const postgres = await startPostgres({ dataDir: join(directory, 'postgres') });
        onTestFinished(() => postgres.close());
        ({ settings } = await createPostgresLake(postgres, directory));
      }
      const lake = await openLake(settings);
      onTestFinished(() => lake.close());
      for (const number of [1, 2, 3, 4]) await loadLines(lake, objectHeader(`of-${number}`), [filterLine(number)]);
      const [snapshot] = await queryLake(settings, 'SELECT max(snapshot_id)::INTEGER AS latest FROM snapshots()');
      const latest = Number(snapshot?.['latest']);
      // noon of yesterday, and two times of the same day
      const noonMs = Math.floor(Date.now() / 86_400_000 - 1) * 86_400_000 + 43_200_000;
      const time = (hours: number) =>
        `'${new Date(noonMs + hours * 3_600_000).toISOString().replace('T', ' ').replace('Z', '000+00')}'`;
      const scheduled = '__ducklake_metadata_lake.ducklake_files_scheduled_for_deletion';
      await alterLake(
        settings,
        `CALL ducklake_merge_adjacent_files('lake')`,
        `UPDATE ${scheduled} SET schedule_start = ${time(1)}`,
        `UPDATE ${scheduled} SET schedule_start = ${time(-1)} WHERE data_file_id = (SELECT max(data_file_id) FROM ${scheduled})`,
        `UPDATE ${scheduled} SET schedule_start = ${time(-36)} WHERE data_file_id = (SELECT min(data_file_id) FROM ${scheduled})`,
        `UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = ${time(1)}`,
        `UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = ${time(-1)} WHERE snapshot_id < ${latest}`,
      );
      const keepSeconds = Math.round((Date.now() - noonMs) / 1000);
      const { snapshotsExpired, filesDeleted } = await lake.maintenance.remove({ keepSeconds });
      expect({ snapshotsExpired, filesDeleted }).toEqual({
        snapshotsExpired: latest,
        filesDeleted: kind === 'SQLite' ? 1 : 2,
      });
      const versions = await queryLake(settings, `SELECT snapshot_id::INTEGER AS id FROM snapshots() ORDER BY id`);
      expect(versions).toContainEqual({ id: latest });
      expect((await lake.maintenance.remove({ keepSeconds })).snapshotsExpired).toBe(0);
    },
  );
});
