/** The lake as its readers see it: read-only SQL over a consistent snapshot per statement. */
import { DuckDBMapType, type Json } from '@duckdb/node-api';
import { type LakeSettings, openLakeInstance } from './connection.ts';
import { confine, mustRead } from './guarded.ts';
import { castReadError } from './transaction.ts';

export interface QueryResult {
  readonly columns: readonly string[];
  /** Values as JSON has them: times and 64-bit integers as text, nested values nested. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

export interface LakeReader {
  /** @throws IngestError `lake.query` with DuckDB's words, `lake.unavailable` */
  query(sql: string): Promise<QueryResult>;
  /**
   * One statement of somebody's own, which must read. It opens the files of the lake alone, and so do all later ones.
   * @throws IngestError as `query`
   */
  ask(sql: string): Promise<QueryResult>;
  /** All statements of `work` see the lake as it was at the first of them. Throws what `work` throws. */
  atOnce<T>(work: () => Promise<T>): Promise<T>;
  close(): void;
}

/** @throws IngestError `lake.unavailable` also where there is no lake yet */
export async function openLakeReader(settings: LakeSettings): Promise<LakeReader> {
  const opened = await openLakeInstance(settings, { readOnly: true });
  const connection = await opened.connect();
  await connection.run('USE lake');
  let isConfined = false;
  const reader: LakeReader = {
    async query(sql) {
      try {
        const result = await connection.runAndReadAll(sql);
        const columns = result.deduplicatedColumnNames();
        const maps = columns.filter((_, index) => result.columnType(index) instanceof DuckDBMapType);
        const rows = result.getRowObjectsJson();
        for (const row of rows) for (const column of maps) row[column] = mapAsObject(row[column]);
        return { columns, rows };
      } catch (error) {
        throw castReadError(error);
      }
    },
    async ask(sql) {
      try {
        if (!isConfined) await confine(connection, settings.dataPath);
        isConfined = true;
        await mustRead(connection, sql);
      } catch (error) {
        throw castReadError(error);
      }
      return reader.query(sql);
    },
    async atOnce(work) {
      await connection.run('BEGIN');
      try {
        return await work();
      } finally {
        // nothing was changed, and what failed is told by its own error
        await connection.run('ROLLBACK').catch(() => undefined);
      }
    },
    close() {
      connection.closeSync();
      opened.close();
    },
  };
  return reader;
}

/** DuckDB writes a map as a list of entries. Its keys come from senders: without a prototype, `__proto__` is a key like any other. */
function mapAsObject(entries: Json | undefined): Json {
  if (!Array.isArray(entries)) return null;
  const object = Object.create(null) as Record<string, Json>;
  for (const entry of entries) {
    const { key, value } = entry as { key: string; value: Json };
    object[key] = value;
  }
  return object;
}
