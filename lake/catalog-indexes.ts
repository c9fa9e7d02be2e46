/**
 * The indexes of a Postgres catalog, which DuckLake does not make. Without them each commit and each search reads what the catalog says of every column of
 * every file (https://github.com/duckdb/ducklake/pull/1147), 1.8 million rows where there are 20,000 files, and of every file whose snapshot has not
 * expired. DuckLake reads a SQLite catalog whole in any case.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';
import { metadataCatalog } from './catalog.ts';
import { quote } from './sql.ts';
import { inTransaction } from './transaction.ts';

interface Index {
  readonly table: string;
  readonly columns: string;
}

const indexes: readonly Index[] = [
  { table: 'ducklake_file_column_stats', columns: 'table_id, column_id' },
  { table: 'ducklake_data_file', columns: 'table_id' },
];

/** Of a lake whose catalog is in Postgres; makes none where somebody has, or where only others may. @throws IngestError `lake.conflict`, `lake.unavailable` */
export async function ensureCatalogIndexes(connection: DuckDBConnection): Promise<void> {
  for (const index of indexes) {
    if (await isThere(connection, index)) continue;
    try {
      await create(connection, index);
    } catch (error) {
      // slower, and nothing is wrong
      if (!isRefused(error)) throw error;
    }
  }
}

async function create(connection: DuckDBConnection, index: Index): Promise<void> {
  await inTransaction(connection, async () => {
    // asked again inside: another worker may have been first
    if (await isThere(connection, index)) return;
    const { table, columns } = index;
    const statement = `CREATE INDEX IF NOT EXISTS ppi_${table} ON public.${table} (${columns})`;
    await connection.run(`CALL postgres_execute(${quote(metadataCatalog)}, ${quote(statement)})`);
  });
}

async function isThere(connection: DuckDBConnection, { table, columns }: Index): Promise<boolean> {
  const wanted = `
    SELECT 1 FROM pg_index WHERE indrelid = 'public.${table}'::regclass AND pg_get_indexdef(indexrelid) LIKE '%(${columns}%'`;
  const found = await connection.runAndReadAll(`FROM postgres_query(${quote(metadataCatalog)}, ${quote(wanted)})`);
  return found.currentRowCount > 0;
}

/** The tables are another role's. */
function isRefused(error: unknown): boolean {
  const words = error instanceof IngestError ? error.cause : error;
  return words instanceof Error && /must be owner of|permission denied/.test(words.message);
}
