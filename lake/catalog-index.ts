/**
 * The index that DuckLake goes by in a Postgres catalog, and does not make (https://github.com/duckdb/ducklake/pull/1147). Without it each commit and each
 * search reads what the catalog says of every column of every file: 1.8 million rows where there are 20,000 files. DuckLake reads a SQLite catalog whole
 * in any case.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';
import { quote } from './sql.ts';
import { inTransaction } from './transaction.ts';

/** What DuckDB calls the catalog of the lake that is attached as `lake`. */
const catalog = '__ducklake_metadata_lake';
const table = 'public.ducklake_file_column_stats';

/** Of a lake whose catalog is in Postgres; makes none where somebody has, or where only others may. @throws IngestError `lake.conflict`, `lake.unavailable` */
export async function ensureCatalogIndex(connection: DuckDBConnection): Promise<void> {
  if (await hasIndex(connection)) return;
  try {
    await createIndex(connection);
  } catch (error) {
    // slower, and nothing is wrong
    if (!isRefused(error)) throw error;
  }
}

async function createIndex(connection: DuckDBConnection): Promise<void> {
  await inTransaction(connection, async () => {
    // asked again inside: another worker may have been first
    if (await hasIndex(connection)) return;
    const create = `CREATE INDEX IF NOT EXISTS ppi_file_column_stats ON ${table} (table_id, column_id)`;
    await connection.run(`CALL postgres_execute(${quote(catalog)}, ${quote(create)})`);
  });
}

async function hasIndex(connection: DuckDBConnection): Promise<boolean> {
  const wanted = `
    SELECT 1 FROM pg_index WHERE indrelid = '${table}'::regclass AND pg_get_indexdef(indexrelid) LIKE '%(table_id, column_id%'`;
  const found = await connection.runAndReadAll(`FROM postgres_query(${quote(catalog)}, ${quote(wanted)})`);
  return found.currentRowCount > 0;
}

/** The tables are another role's. */
function isRefused(error: unknown): boolean {
  const words = error instanceof IngestError ? error.cause : error;
  return words instanceof Error && /must be owner of|permission denied/.test(words.message);
}
