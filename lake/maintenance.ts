/** Keeps the lake quick and its size in bounds: merges the small files that commits leave, lets old snapshots go, removes files of batches that were never committed. Rows stay as they are. */
import { type LakeSettings, openLakeInstance } from './connection.ts';
import { removeLeftovers } from './leftovers.ts';
import { lakeTables } from './schema.ts';
import { quote } from './sql.ts';
import { castLakeError, inTransaction } from './transaction.ts';

export interface MaintainOptions {
  /** Earlier states of the lake can be read, and their files are kept, for so long. Longer than any query takes. */
  readonly keepSeconds: number;
  /** Files that no commit took are kept for so long at least: a batch is read for hours before it is committed. */
  readonly unfinishedSeconds?: number;
  /** Told what is done next. */
  readonly say?: (line: string) => void;
}

export interface Maintained {
  /** Tables whose files were merged. */
  readonly merged: readonly { readonly table: string; readonly filesBefore: number; readonly filesAfter: number }[];
  readonly snapshotsExpired: number;
  readonly filesDeleted: number;
  /** Of batches that were never committed. */
  readonly leftoversDeleted: number;
}

const unfinishedSecondsMin = 86_400;

/**
 * May run while workers commit: each table is a transaction of its own, tried again where a commit was first.
 * https://ducklake.select/docs/stable/duckdb/maintenance/recommended_maintenance
 * @throws IngestError `lake.conflict`, `lake.unavailable`
 */
export async function maintainLake(
  settings: LakeSettings,
  { keepSeconds, unfinishedSeconds = unfinishedSecondsMin, say = () => undefined }: MaintainOptions,
): Promise<Maintained> {
  const opened = await openLakeInstance(settings, { readOnly: false });
  try {
    const connection = await opened.connect();
    const call = async (statement: string): Promise<number> => {
      await opened.refreshAccess();
      const result = await inTransaction(connection, () => connection.runAndReadAll(`CALL ${statement}`));
      return result.currentRowCount;
    };
    const fileCounts = async (): Promise<Map<string, number>> => {
      const result = await connection.runAndReadAll(`SELECT table_name, file_count FROM ducklake_table_info('lake')`);
      return new Map(result.getRows().map(([table, count]) => [String(table), Number(count)]));
    };
    const before = await fileCounts();
    for (const { name: table } of lakeTables) {
      if ((before.get(table) ?? 0) < 2) continue;
      say(`merging ${before.get(table)} files of ${table}`);
      await call(`ducklake_merge_adjacent_files('lake', ${quote(table)})`);
    }
    const after = await fileCounts();
    const olderThan = (seconds: number) => `older_than => now() - INTERVAL '${seconds} seconds'`;
    say('letting old snapshots and their files go');
    const snapshotsExpired = await call(`ducklake_expire_snapshots('lake', ${olderThan(keepSeconds)})`);
    const filesDeleted = await call(`ducklake_cleanup_old_files('lake', ${olderThan(keepSeconds)})`);
    say('removing what was never committed');
    const kept = Math.max(keepSeconds, unfinishedSeconds);
    await opened.refreshAccess();
    const leftoversDeleted = await removeLeftovers(connection, settings, kept);
    const merged = [...before]
      .map(([table, filesBefore]) => ({ table, filesBefore, filesAfter: after.get(table) ?? 0 }))
      .filter(({ filesBefore, filesAfter }) => filesAfter < filesBefore);
    return { merged, snapshotsExpired, filesDeleted, leftoversDeleted };
  } catch (error) {
    throw castLakeError(error);
  } finally {
    opened.close();
  }
}
