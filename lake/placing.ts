/**
 * Writes the rows of large batches into files of the lake while the batch is still being read. They are in no table until the batch's commit
 * registers the files (https://ducklake.select/docs/stable/duckdb/metadata/adding_files). In a staging table each row would be written, spilled, read
 * and written again. Files that no commit registers are removed by `ppi lake maintain`.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import pLimit from 'p-limit';
import type { Opened } from './connection.ts';
import { isRemote, tableDirectory } from './data-path.ts';
import { copyOptions } from './file-format.ts';
import { type Offered, offerFrames } from './row-feed.ts';
import { dayColumnName, type LakeTable } from './schema.ts';
import { name, quote } from './sql.ts';
import { castLakeError } from './transaction.ts';

/** So many tables gather rows for a file at a time: with those that are being written, about 50 MB each. */
const gatheringMax = 3;

export interface Placing {
  /** A place among those that gather; undefined while all are taken. */
  tryJoin(): { leave(): void } | undefined;
  /**
   * Writes all rows that are offered, which are of one day, and gives the file's path or URL.
   * @throws IngestError `lake.unavailable`
   */
  place(table: LakeTable, dayMs: number, rows: Offered): Promise<string>;
  /** Of a batch that will not be committed. */
  remove(paths: readonly string[]): void;
}

/** Undefined where the path of a file would be taken for a pattern. */
export function openPlacing(opened: Opened, dataPath: string): Placing | undefined {
  if (/[*?[\]{}]/.test(dataPath)) return undefined;
  // rows are parsed more slowly than one thread writes them: more threads would only take the cores that parsing needs
  const oneAtATime = pLimit(1);
  let gathering = 0;

  async function write(connection: DuckDBConnection, path: string, day: string, rows: Offered): Promise<void> {
    await opened.refreshAccess();
    if (!isRemote(dataPath)) mkdirSync(dirname(path), { recursive: true });
    const rowCount = rows.frames.reduce((sum, frame) => sum + frame.rowCount, 0);
    const { rowsChanged } = await offerFrames(rows, (relation) =>
      connection.run(
        `COPY (SELECT *, DATE ${quote(day)} AS ${name(dayColumnName)} FROM ${relation}) TO ${quote(path)} (${copyOptions})`,
      ),
    );
    if (rowsChanged !== rowCount) throw new Error(`${rowsChanged} of ${rowCount} rows went into ${path}`);
  }

  return {
    tryJoin() {
      if (gathering === gatheringMax) return undefined;
      gathering += 1;
      return { leave: () => (gathering -= 1) };
    },
    async place(table, dayMs, rows) {
      const day = new Date(dayMs).toISOString().slice(0, 10);
      const path = `${tableDirectory(dataPath, table.name)}${dayColumnName}=${day}/batch-${randomUUID()}.parquet`;
      const connection = await opened.connect();
      try {
        await oneAtATime(() => write(connection, path, day, rows));
      } catch (error) {
        throw castLakeError(error);
      } finally {
        connection.closeSync();
      }
      return path;
    },
    remove(paths) {
      if (!isRemote(dataPath)) for (const path of paths) rmSync(path, { force: true });
    },
  };
}
