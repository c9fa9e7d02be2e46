/**
 * Merging of files. Each commit leaves a file in each of its tables, and reads what the catalog says of every one: with a thousand files it takes
 * twice as long. So a process merges small files after some commits of its own; larger ones are left to maintenance.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { quote } from './sql.ts';
import { inTransaction } from './transaction.ts';

export interface MergedTable {
  readonly table: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
}

export interface MergeOptions {
  /** Larger files are left as they are: where that is done often, no row is written again and again. */
  readonly maxFileBytes?: number;
  /** How often it is tried where a commit of another process was first. */
  readonly attempts?: number;
}

/** After so many commits a process merges small files. */
export const commitsBetween = 64;
/** Files below that size are small. */
const smallFileBytes = 1 << 20;
/** A table whose files would be fewer by so many is merged. */
const fewerMin = 32;

/** Rows stay as they are. @throws IngestError `lake.conflict`, `lake.unavailable`, `lake.memory` */
export async function mergeFiles(
  connection: DuckDBConnection,
  table: string,
  { maxFileBytes, attempts }: MergeOptions = {},
): Promise<MergedTable> {
  const filesBefore = (await fileCounts(connection)).get(table) ?? 0;
  const limit = maxFileBytes === undefined ? '' : `, max_file_size => ${maxFileBytes}`;
  const statement = `CALL ducklake_merge_adjacent_files('lake', ${quote(table)}${limit})`;
  await inTransaction(connection, () => connection.run(statement), attempts);
  return { table, filesBefore, filesAfter: (await fileCounts(connection)).get(table) ?? 0 };
}

export async function fileCounts(connection: DuckDBConnection): Promise<Map<string, number>> {
  const result = await connection.runAndReadAll(`SELECT table_name, file_count FROM ducklake_table_info('lake')`);
  return new Map(result.getRows().map(([table, count]) => [String(table), Number(count)]));
}

/** Throws as `mergeFiles`: a table that another process merges at the moment, or that cannot be merged at all, is left to maintenance. */
export async function mergeSmallFiles(connection: DuckDBConnection): Promise<void> {
  for (const [table, count] of await fileCounts(connection)) {
    if (count <= fewerMin || (await fewerBy(connection, table)) < fewerMin) continue;
    await mergeFiles(connection, table, { maxFileBytes: smallFileBytes, attempts: 3 });
  }
}

/** So many files fewer the table has when small ones are merged: within each partition, which has a directory of its own. */
async function fewerBy(connection: DuckDBConnection, table: string): Promise<number> {
  const result = await connection.runAndReadAll(`
    SELECT coalesce(sum(files - 1), 0) FROM (
      SELECT count(*) AS files FROM ducklake_list_files('lake', ${quote(table)})
      WHERE data_file_size_bytes < ${smallFileBytes} GROUP BY regexp_replace(data_file, '[^/]*$', ''))`);
  return Number(result.getRows()[0]?.[0]);
}
