/** Statements of whoever asks the lake in SQL: they read, and of files those of the lake alone. */
import { type DuckDBConnection, type DuckDBExtractedStatements, StatementType } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';
import { quote } from './sql.ts';

/**
 * From now on DuckDB opens no file but the lake's, for all connections and for good. What is attached stays.
 * https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
 */
export async function confine(connection: DuckDBConnection, dataPath: string): Promise<void> {
  await connection.run(`SET allowed_directories = [${quote(dataPath)}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** EXPLAIN ANALYZE runs what it explains. */
const explain = /^\s*explain\s+(?:analyze\s+)?(?:\(\s*(?:analyze|format)\b[^)]*\)\s*)?/i;

/**
 * Functions that a SELECT may call, and that do more than read the lake: DuckLake's maintenance, one of which deletes files before it learns that it
 * may not, and those that open databases by themselves, whatever DuckDB may open.
 */
const reachesFurther =
  /ducklake_(add|cleanup|commit|delete|expire|flush|merge|rewrite|set)_|(sqlite|postgres)_(attach|execute|query|scan)/i;

/** @throws IngestError `lake.query` for all but one statement that reads; DuckDB's own error for one that it does not understand */
export async function mustRead(connection: DuckDBConnection, sql: string): Promise<void> {
  const [further] = reachesFurther.exec(sql) ?? [];
  if (further !== undefined)
    throw new IngestError(
      'lake.query',
      `lake: SQL is read-only here, of the lake alone, without ${further}…; "ppi lake maintain" merges and removes files`,
    );
  const type = await onlyType(connection, sql);
  const read = type === StatementType.EXPLAIN ? await onlyType(connection, sql.replace(explain, '')) : type;
  if (read !== StatementType.SELECT)
    throw new IngestError(
      'lake.query',
      'lake: SQL is read-only here, and one statement at a time: SELECT, FROM, WITH, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one (a PIVOT with its values: ON … IN (…))',
    );
}

/** Undefined where there is no statement, or several: later ones may need what earlier ones make. */
async function onlyType(connection: DuckDBConnection, sql: string): Promise<StatementType | undefined> {
  const extracted = await extract(connection, sql);
  if (extracted?.count !== 1) return undefined;
  const prepared = await extracted.prepare(0);
  try {
    return prepared.statementType;
  } finally {
    prepared.destroySync();
  }
}

/** Undefined where the text holds no statement. */
async function extract(connection: DuckDBConnection, sql: string): Promise<DuckDBExtractedStatements | undefined> {
  try {
    return await connection.extractStatements(sql);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const words = message.indexOf('Parser Error:');
    if (words < 0) return undefined;
    throw new Error(message.slice(words), { cause: error });
  }
}
