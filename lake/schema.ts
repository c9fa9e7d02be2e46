/** Creates the lake's tables and views, and adds columns that a newer version defines. Safe to run by many workers at once. */
import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { duckdbType } from '../tables/column.ts';
import { tables } from '../tables/registry.ts';
import { viewsOf } from '../tables/views.ts';
import { lakeOptions } from './file-format.ts';
import { name, quote } from './sql.ts';
import { batches, deadLetters, drift, driftAcks, fence, queueLetters } from './system-tables.ts';
import { inTransaction } from './transaction.ts';
import { type Column, columnsOfShape } from './values.ts';

/** A table as the lake stores it. */
export interface LakeTable {
  readonly name: string;
  readonly columns: readonly Column[];
  /** The column that identifies a row within its tenant. */
  readonly idColumn: string;
  /**
   * `content`: equal ids in one batch are one row.
   * `line`: equal ids in one batch are different rows and get numbered.
   */
  readonly identity: 'content' | 'line';
  /** The column of the time by whose day the table is partitioned; undefined: the table is small and not partitioned. */
  readonly dayColumn?: string;
  /** The same, where the lake has a column of that day besides (`dayColumnName`), so that files can be added to it as they are. */
  readonly placedBy?: string;
  /** A row read again has the same `dayColumn`, so that only that range is searched for it. */
  readonly ranged: boolean;
  /** Files hold their rows in this order, those that are merged, too: a search for a range of it reads little of each. */
  readonly sortedBy?: string;
}

/** Files that DuckLake did not write can only be added to a table that is partitioned by columns, not by what is computed from them. */
export const dayColumnName = 'event_day';

export const dataTables: readonly LakeTable[] = Object.values(tables).map((table) => ({
  name: table.name,
  columns: columnsOfShape(table.row.shape),
  idColumn: 'event_id',
  identity: table.identity,
  dayColumn: 'event_time',
  placedBy: 'event_time',
  ranged: true,
}));

export const deadLetterTable: LakeTable = {
  name: 'dead_letters',
  columns: columnsOfShape(deadLetters),
  idColumn: 'dead_letter_id',
  identity: 'line',
  dayColumn: 'failed_at',
  ranged: false,
};

export const batchTable: LakeTable = {
  name: 'batches',
  columns: columnsOfShape(batches),
  idColumn: 'batch_id',
  identity: 'content',
  ranged: false,
  // every listing and commit asks for batches whose ids lie close together, and files have those of all tenants
  sortedBy: 'batch_id',
};

export const driftTable: LakeTable = {
  name: 'drift',
  columns: columnsOfShape(drift),
  idColumn: 'path',
  identity: 'content',
  ranged: false,
};

const driftAckTable: LakeTable = {
  name: 'drift_acks',
  columns: columnsOfShape(driftAcks),
  idColumn: 'path',
  identity: 'content',
  ranged: false,
};

export const queueLetterTable: LakeTable = {
  name: 'queue_letters',
  columns: columnsOfShape(queueLetters),
  idColumn: 'message_id',
  identity: 'content',
  ranged: false,
};

export const fenceTable: LakeTable = {
  name: 'fence',
  columns: columnsOfShape(fence),
  idColumn: 'commits',
  identity: 'content',
  ranged: false,
};

export const lakeTables: readonly LakeTable[] = [
  ...dataTables,
  deadLetterTable,
  batchTable,
  driftTable,
  driftAckTable,
  queueLetterTable,
  fenceTable,
];

export function createTableSql(
  table: string,
  columns: readonly Column[],
  kind: 'TABLE' | 'TEMP TABLE' = 'TABLE',
): string {
  const list = columns.map((column) => `${name(column.name)} ${duckdbType(column.type)}`);
  return `CREATE ${kind} ${table} (${list.join(', ')})`;
}

/** Inserts rows of `relation`, a SELECT's FROM and what follows; `as` is its name there. */
export function insertSql({ name: table, columns, placedBy }: LakeTable, as: string, from: string): string {
  const list = columns.map(({ name: column }) => `${as}.${name(column)}`);
  if (placedBy !== undefined) list.push(`${as}.${name(placedBy)}::DATE AS ${name(dayColumnName)}`);
  return `INSERT INTO lake.${name(table)} BY NAME SELECT ${list.join(', ')} FROM ${from}`;
}

/** Brings the attached lake to this version's schema. One transaction: either all of it or none. */
export async function ensureSchema(connection: DuckDBConnection): Promise<void> {
  if ((await schemaChanges(connection)).length === 0) return;
  await inTransaction(connection, async () => {
    // asked again inside: another worker may have been first
    for (const change of await schemaChanges(connection)) await connection.run(change);
  });
}

async function schemaChanges(connection: DuckDBConnection): Promise<string[]> {
  return [
    ...(await tableChanges(connection)),
    ...(await viewChanges(connection)),
    ...(await optionChanges(connection)),
  ];
}

async function tableChanges(connection: DuckDBConnection): Promise<string[]> {
  const result = await connection.runAndReadAll(
    `SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'main'`,
  );
  const existing = new Map<string, Set<string>>();
  for (const [table, column] of result.getRows()) {
    const columns = existing.get(String(table)) ?? new Set();
    existing.set(String(table), columns.add(String(column)));
  }
  const described = await connection.runAndReadAll(
    `SELECT table_name, comment FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'main'`,
  );
  const comments = new Map(described.getRows().map(([table, comment]) => [String(table), comment]));
  return lakeTables.flatMap((table) => {
    const known = existing.get(table.name);
    const columns = known === undefined ? creation(table) : additions(table, known);
    return [...columns, ...sorting(table, comments.get(table.name))];
  });
}

/** The table's comment tells that it is sorted: DuckLake has no other word for it. https://ducklake.select/docs/stable/duckdb/advanced_features/sorted_tables */
function sorting({ name: table, sortedBy }: LakeTable, comment: unknown): string[] {
  const wanted = `sorted by ${sortedBy}`;
  if (sortedBy === undefined || comment === wanted) return [];
  const target = `lake.${name(table)}`;
  return [
    `ALTER TABLE ${target} SET SORTED BY (${name(sortedBy)} ASC)`,
    `COMMENT ON TABLE ${target} IS ${quote(wanted)}`,
  ];
}

/** What makes a table, with what it begins with. */
export function creation(table: LakeTable): string[] {
  const target = `lake.${name(table.name)}`;
  const statements = [createTableSql(target, table.columns)];
  if (table.placedBy !== undefined) statements.push(...dayColumn(target));
  else if (table.dayColumn !== undefined) {
    const day = name(table.dayColumn);
    statements.push(`ALTER TABLE ${target} SET PARTITIONED BY (year(${day}), month(${day}), day(${day}))`);
  }
  if (table.name === fenceTable.name) statements.push(`INSERT INTO ${target} VALUES (0)`);
  return statements;
}

function additions(table: LakeTable, known: ReadonlySet<string>): string[] {
  const target = `lake.${name(table.name)}`;
  const added = table.columns
    .filter((column) => !known.has(column.name))
    .map((column) => `ALTER TABLE ${target} ADD COLUMN ${name(column.name)} ${duckdbType(column.type)}`);
  return table.placedBy === undefined || known.has(dayColumnName) ? added : [...added, ...dayColumn(target)];
}

/** By day alone: a partition per tenant would make hundreds of tiny files a day. Files from before keep theirs. */
function dayColumn(target: string): string[] {
  const day = name(dayColumnName);
  return [`ALTER TABLE ${target} ADD COLUMN ${day} DATE`, `ALTER TABLE ${target} SET PARTITIONED BY (${day})`];
}

/** A view's comment tells its definition apart from others: the text that DuckDB keeps of a view is not the text that made it. */
async function viewChanges(connection: DuckDBConnection): Promise<string[]> {
  const result = await connection.runAndReadAll(
    `SELECT view_name, comment FROM duckdb_views() WHERE database_name = 'lake' AND schema_name = 'main'`,
  );
  const known = new Map(result.getRows().map(([view, comment]) => [String(view), String(comment)]));
  // the relation is not qualified: a lake may be attached under another name, and its views look beside themselves
  const views = Object.values(tables).flatMap((table) => viewsOf(table, name(table.name)));
  return views.flatMap((view) => {
    const comment = `definition ${createHash('sha256').update(view.sql).digest('hex').slice(0, 16)}`;
    if (known.get(view.name) === comment) return [];
    const target = `lake.${name(view.name)}`;
    return [`CREATE OR REPLACE VIEW ${target} AS ${view.sql}`, `COMMENT ON VIEW ${target} IS ${quote(comment)}`];
  });
}

/** Those that somebody has set otherwise stay as they are; one that is set for a table is none of the lake's. */
async function optionChanges(connection: DuckDBConnection): Promise<string[]> {
  const result = await connection.runAndReadAll(
    `SELECT option_name FROM ducklake_options('lake') WHERE scope = 'GLOBAL'`,
  );
  const known = new Set(result.getRows().map(([option]) => String(option)));
  return Object.entries(lakeOptions)
    .filter(([option]) => !known.has(option))
    .map(([option, value]) => `CALL lake.set_option(${quote(option)}, ${quote(value)})`);
}
