/** Search over the tables of the lake. */
import { IngestError } from '../errors/ingest-error.ts';
import type { LakeReader } from '../lake/reader.ts';
import { inList, timestampLiteral } from '../lake/sql.ts';
import type { ColumnType } from '../tables/column.ts';
import { columnsOf, tables } from '../tables/registry.ts';
import { type TableName, tableNames } from '../tables/table.ts';
import { predicate } from './predicate.ts';
import { parseQuery, type Term } from './query.ts';

export interface SearchRequest {
  /** See query.ts; empty matches every row. */
  readonly query: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Which time the range means: the event's own, or when it came into the lake. */
  readonly timeColumn: 'event_time' | 'ingested_at';
  /** Absent: all. */
  readonly tenantIds?: readonly string[];
  /** Absent: all eight. */
  readonly tables?: readonly TableName[];
  readonly limit: number;
}

export interface SearchHit {
  readonly table: TableName;
  /** All columns of the table. */
  readonly row: Readonly<Record<string, unknown>>;
}

export interface SearchAnswer {
  /** Newest first. */
  readonly hits: readonly SearchHit[];
  /** More rows match than `limit`. */
  readonly more: boolean;
}

/** @throws IngestError `lake.query` for a query that cannot be meant, `lake.unavailable` */
export async function search(lake: LakeReader, request: SearchRequest): Promise<SearchAnswer> {
  const terms = parseQuery(request.query);
  const searched = [...new Set(request.tables ?? tableNames)];
  const statements = searched.flatMap((table) => {
    const sql = searchSql(table, terms, request);
    return sql === undefined ? [] : [{ table, sql }];
  });
  if (statements.length === 0) throw noSuchField(terms, searched);
  const hits: SearchHit[] = [];
  for (const { table, sql } of statements) {
    const { rows } = await lake.query(sql);
    for (const row of rows) hits.push({ table, row });
  }
  hits.sort((a, b) => String(b.row[request.timeColumn]).localeCompare(String(a.row[request.timeColumn])));
  return { hits: hits.slice(0, request.limit), more: hits.length > request.limit };
}

/** Undefined where the table lacks a field that the query names. */
function searchSql(table: TableName, terms: readonly Term[], request: SearchRequest): string | undefined {
  const columns = columnTypes(table);
  const matches = terms.map((term) => predicate(columns, term));
  if (matches.includes(undefined)) return undefined;
  const conditions = [
    `${request.timeColumn} >= ${timestampLiteral(request.fromMs * 1000)}`,
    `${request.timeColumn} < ${timestampLiteral(request.toMs * 1000)}`,
    ...(request.tenantIds === undefined ? [] : [`tenant_id IN ${inList(request.tenantIds)}`]),
    ...matches,
  ];
  // one more than asked for tells whether there are more
  return `SELECT * FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${request.timeColumn} DESC LIMIT ${request.limit + 1}`;
}

function columnTypes(table: TableName): ReadonlyMap<string, ColumnType> {
  return new Map(columnsOf(tables[table]).map(({ name, type }) => [name, type]));
}

function noSuchField(terms: readonly Term[], searched: readonly TableName[]): IngestError {
  const columns = searched.map(columnTypes);
  const named = terms.filter((term) => term.kind === 'field');
  const unknown = named.filter((term) => columns.every((known) => predicate(known, term) === undefined));
  const list = (fields: typeof named) => fields.map(({ path }) => JSON.stringify(path.join('.'))).join(', ');
  if (unknown.length === 0)
    return new IngestError('lake.query', `search: no table has all of ${list(named)}; ask for one after the other`);
  const [only = new Map<string, ColumnType>(), ...others] = columns;
  if (others.length > 0)
    return new IngestError(
      'lake.query',
      `search: no table has a field ${list(unknown)}; name one table to see its fields`,
    );
  const fields = Array.from(only, ([name, type]) => fieldNames(name, type)).flat();
  return new IngestError(
    'lake.query',
    `search: ${searched[0]} has no field ${list(unknown)}; its fields are ${fields.join(', ')}`,
  );
}

/** A field as a query names it; of structs each of theirs. */
function fieldNames(path: string, type: ColumnType): string[] {
  switch (type.kind) {
    case 'list':
      return fieldNames(path, type.item);
    case 'struct':
      return Object.entries(type.fields).flatMap(([field, fieldType]) => fieldNames(`${path}.${field}`, fieldType));
    case 'map':
      return [`${path}.<key>`];
    default:
      return [path];
  }
}
