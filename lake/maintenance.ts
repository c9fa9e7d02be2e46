/** Keeps the lake quick and its size in bounds: merges the small files that commits leave, lets old snapshots go, removes files of batches that were never committed. Rows stay as they are. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { parseCatalog } from './catalog.ts';
import { type LakeSettings, type Opened, openLakeInstance } from './connection.ts';
import { removeLeftovers } from './leftovers.ts';
import { fileCounts, type MergedTable, mergeFiles, type MergeOptions } from './merging.ts';
import { lakeTables } from './schema.ts';
import { castLakeError, inTransaction } from './transaction.ts';

export interface MaintainOptions {
  /** Earlier states of the lake can be read, and their files are kept, for so long. Longer than any query takes. */
  readonly keepSeconds: number;
  /** Files that no commit took are kept for so long at least: a batch is read for hours before it is committed. */
  readonly unfinishedSeconds?: number;
  /** Told what is done next. */
  readonly say?: (line: string) => void;
}

export interface Removed {
  readonly snapshotsExpired: number;
  readonly filesDeleted: number;
  /** Of batches that were never committed. */
  readonly leftoversDeleted: number;
}

export interface Maintained extends Removed {
  /** Tables whose files were merged. */
  readonly merged: readonly MergedTable[];
}

/**
 * The steps of maintenance, each short of its own, so that others may come between; `signal` interrupts one. Throw `lake.conflict`,
 * `lake.unavailable`, `lake.memory`.
 */
export interface Maintenance {
  /** The tables that have two files at least. */
  mergeable(): Promise<string[]>;
  merge(table: string, options?: MergeOptions, signal?: AbortSignal): Promise<MergedTable>;
  remove(options: RemoveOptions, signal?: AbortSignal): Promise<Removed>;
}

type RemoveOptions = Pick<MaintainOptions, 'keepSeconds' | 'unfinishedSeconds'>;

const daySeconds = 86_400;
const unfinishedSecondsMin = daySeconds;

/** May run while workers commit: each step is tried again where a commit was first. https://ducklake.select/docs/stable/duckdb/maintenance/recommended_maintenance */
export function maintenanceOf(opened: Opened, settings: LakeSettings): Maintenance {
  async function using<T>(work: (connection: DuckDBConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const connection = await opened.connect();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      signal?.throwIfAborted();
      await opened.refreshAccess();
      return await work(connection);
    } catch (error) {
      throw castLakeError(error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }

  return {
    mergeable: () =>
      using(async (connection) => {
        const counts = await fileCounts(connection);
        return lakeTables.map(({ name }) => name).filter((table) => (counts.get(table) ?? 0) > 1);
      }),
    merge: (table, options, signal) => using((connection) => mergeFiles(connection, table, options), signal),
    remove: ({ keepSeconds, unfinishedSeconds = unfinishedSecondsMin }, signal) =>
      using(async (connection) => {
        const snapshotsExpired = await expireSnapshots(connection, keepSeconds);
        const filesDeleted = await deleteScheduled(connection, settings, keepSeconds);
        await opened.refreshAccess();
        const kept = Math.max(keepSeconds, unfinishedSeconds);
        return { snapshotsExpired, filesDeleted, leftoversDeleted: await removeLeftovers(connection, settings, kept) };
      }, signal),
  };
}

/** They are chosen here: in a SQLite catalog, whose times are text, DuckLake takes all of the day for older than any time of it. */
async function expireSnapshots(connection: DuckDBConnection, keepSeconds: number): Promise<number> {
  return inTransaction(connection, async () => {
    await connection.run(`
      SET VARIABLE expired = (
        SELECT list(snapshot_id) FROM ducklake_snapshots('lake')
        WHERE snapshot_time < now() - INTERVAL '${keepSeconds} seconds')`);
    const some = await connection.runAndReadAll(`SELECT getvariable('expired') IS NOT NULL`);
    if (some.getRows()[0]?.[0] !== true) return 0;
    return call(connection, `ducklake_expire_snapshots('lake', versions => getvariable('expired'))`);
  });
}

/** Files that no state of the lake needs any more. For the same reason they stay a day longer where the catalog is SQLite. */
async function deleteScheduled(
  connection: DuckDBConnection,
  { catalog }: Pick<LakeSettings, 'catalog'>,
  keepSeconds: number,
): Promise<number> {
  const seconds = parseCatalog(catalog).kind === 'sqlite' ? keepSeconds + daySeconds : keepSeconds;
  const which = keepSeconds === 0 ? 'cleanup_all => true' : `older_than => now() - INTERVAL '${seconds} seconds'`;
  return inTransaction(connection, () => call(connection, `ducklake_cleanup_old_files('lake', ${which})`));
}

/** Gives the number of rows that the statement tells. */
async function call(connection: DuckDBConnection, statement: string): Promise<number> {
  return (await connection.runAndReadAll(`CALL ${statement}`)).currentRowCount;
}

/** All of it, at once. @throws IngestError `lake.conflict`, `lake.unavailable` */
export async function maintainLake(settings: LakeSettings, options: MaintainOptions): Promise<Maintained> {
  const { say = () => undefined } = options;
  const opened = await openLakeInstance(settings, { readOnly: false });
  try {
    const maintenance = maintenanceOf(opened, settings);
    const merged: MergedTable[] = [];
    for (const table of await maintenance.mergeable()) {
      say(`merging files of ${table}`);
      merged.push(await maintenance.merge(table));
    }
    say('removing what is not needed any more');
    const removed = await maintenance.remove(options);
    return { merged: merged.filter(({ filesBefore, filesAfter }) => filesAfter < filesBefore), ...removed };
  } finally {
    opened.close();
  }
}
