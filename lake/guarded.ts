/** Statements of whoever asks the lake in SQL: they read, and of files those of the lake alone. */
import type { DuckDBConnection } from '@duckdb/node-api';
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

/** EXPLAIN ANALYZE runs what it explains. Comments may stand before it. */
const explain = /^(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*explain\s+(?:analyze\s+)?(?:\(\s*(?:analyze|format)\b[^)]*\)\s*)?/i;

/**
 * Table functions that read, and of files those of the lake alone. Others do more: DuckLake's maintenance, one of which deletes files before it learns
 * that it may not; those that open databases by themselves, whatever DuckDB may open; and those that run any statement that they are given.
 */
const reading = new RegExp(
  `^(${[
    'range|generate_series|repeat|repeat_row|unnest|summary|histogram|histogram_values|json_each|json_tree',
    '(ducklake_)?(snapshots|current_snapshot|last_committed_snapshot|options|settings|list_files)',
    '(ducklake_)?table_(info|changes|insertions|deletions)',
    '(duckdb|pragma)_\\w+|pg_timezone_names|icu_calendar_names',
    '(parquet|read_(parquet|csv|json|ndjson|text|blob))(_\\w+)?|sniff_csv|glob',
  ].join('|')})$`,
  'i',
);

/** Functions, and views of these names, that show with which password the catalog is opened. */
const telling = /^(duckdb_databases|pragma_database_list)$/i;

/**
 * Nothing is bound or run for it: to bind some of these functions is to call them.
 * @throws IngestError `lake.query` for all but one statement that reads, and for one that DuckDB does not understand
 */
export async function mustRead(connection: DuckDBConnection, sql: string): Promise<void> {
  const parsed = await connection.runAndReadAll(`SELECT json_serialize_sql(${quote(sql.replace(explain, ''))})`);
  const tree = JSON.parse(String(parsed.getRowsJson()[0]?.[0])) as Tree;
  if (tree.error_type === 'parser') throw new IngestError('lake.query', `lake: Parser Error: ${tree.error_message}`);
  if (tree.statements?.length !== 1)
    throw new IngestError(
      'lake.query',
      'lake: SQL is read-only here, and one statement at a time: SELECT, FROM, WITH, SHOW, DESCRIBE, SUMMARIZE, or EXPLAIN of one (a PIVOT with its values: ON … IN (…))',
    );
  const { functions, tables } = relationsOf(tree);
  const further =
    functions.find((name) => !reading.test(name)) ?? [...functions, ...tables].find((name) => telling.test(name));
  if (further !== undefined)
    throw new IngestError(
      'lake.query',
      `lake: SQL is read-only here, of the lake alone, without ${further}; "ppi lake maintain" merges and removes files`,
    );
}

/** What DuckDB's parser makes of a text; statements that are no SELECT are an error of another type. */
interface Tree {
  readonly error_type?: string;
  readonly error_message?: string;
  readonly statements?: readonly unknown[];
}

interface FromNode {
  readonly type?: unknown;
  readonly table_name?: unknown;
  readonly function?: { readonly function_name?: unknown };
}

/** All that stands behind FROM: text, comments and quotes hide none. */
function relationsOf(tree: Tree): { readonly functions: readonly string[]; readonly tables: readonly string[] } {
  const functions: string[] = [];
  const tables: string[] = [];
  JSON.stringify(tree, (_, value: unknown) => {
    const node = Object(value) as FromNode;
    if (node.type === 'TABLE_FUNCTION') functions.push(String(node.function?.function_name));
    if (node.type === 'BASE_TABLE') tables.push(String(node.table_name));
    return value;
  });
  return { functions, tables };
}
