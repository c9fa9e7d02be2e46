/** Search over the tables of the lake. */
import { IngestError } from '../errors/ingest-error.ts';
import type { LakeReader, QueryResult } from '../lake/reader.ts';
import { inList, quote, timestampLiteral } from '../lake/sql.ts';
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
  /** The tables that have the fields of the query: no other was searched. */
  readonly searched: readonly TableName[];
  /** Tables that were asked for and lack a field. */
  readonly leftOut: readonly TableName[];
}

/** @throws IngestError `lake.query` for a query that cannot be meant, `lake.unavailable` */
export async function search(lake: LakeReader, request: SearchRequest): Promise<SearchAnswer> {
  const terms = parseQuery(request.query);
  const asked = [...new Set(request.tables ?? tableNames)];
  const wanted = asked.flatMap((table) => {
    const where = whereSql(table, terms, request);
    return where === undefined ? [] : [{ table, where }];
  });
  if (wanted.length === 0) throw noSuchField(terms, asked);
  const hits: SearchHit[] = [];
  await lake.atOnce(async () => {
    for (const { table, where } of wanted)
      for (const row of await newestRows(lake, table, where, request)) hits.push({ table, row });
  });
  hits.sort((a, b) => String(b.row[request.timeColumn]).localeCompare(String(a.row[request.timeColumn])));
  const searched = wanted.map(({ table }) => table);
  return {
    hits: hits.slice(0, request.limit),
    more: hits.length > request.limit,
    searched,
    leftOut: asked.filter((table) => !searched.includes(table)),
  };
}

/** What a row must be; undefined where the table lacks a field that the query names. */
function whereSql(table: TableName, terms: readonly Term[], request: SearchRequest): string | undefined {
  const columns = tables[table].row.shape;
  const matches = terms.map((term) => predicate(columns, term));
  if (matches.includes(undefined)) return undefined;
  const conditions = [
    `${request.timeColumn} >= ${timestampLiteral(request.fromMs * 1000)}`,
    `${request.timeColumn} < ${timestampLiteral(request.toMs * 1000)}`,
    ...(request.tenantIds === undefined ? [] : [`tenant_id IN ${inList(request.tenantIds)}`]),
    ...matches,
  ];
  return conditions.join(' AND ');
}

/** Times that a statement names one by one. */
const timesMax = 1000;

/**
 * The times of the newest rows first, which takes only the columns that the query names; then the rows of these times, whole. In one step DuckDB reads
 * every column of all rows in the range, also of those that are not among the newest.
 */
async function newestRows(
  lake: LakeReader,
  table: TableName,
  where: string,
  { timeColumn, limit }: SearchRequest,
): Promise<QueryResult['rows']> {
  // one more than asked for tells whether there are more
  const newest = (columns: string, conditions: string) =>
    `SELECT ${columns} FROM ${table} WHERE ${conditions} ORDER BY ${timeColumn} DESC LIMIT ${limit + 1}`;
  if (limit >= timesMax) return (await lake.query(newest('*', where))).rows;
  const found = await lake.query(newest(timeColumn, where));
  if (found.rows.length === 0) return [];
  const times = new Set(found.rows.map((row) => `TIMESTAMP ${quote(String(row[timeColumn]))}`));
  return (await lake.query(newest('*', `${timeColumn} IN (${[...times].join(', ')}) AND ${where}`))).rows;
}

function noSuchField(terms: readonly Term[], asked: readonly TableName[]): IngestError {
  const named = terms.filter((term) => term.kind === 'field');
  const unknown = named.filter((term) =>
    asked.every((table) => predicate(tables[table].row.shape, term) === undefined),
  );
  const list = (fields: typeof named) => fields.map(({ path }) => JSON.stringify(path.join('.'))).join(', ');
  if (unknown.length === 0)
    return new IngestError('lake.query', `search: no table has all of ${list(named)}; ask for one after the other`);
  const [only, ...others] = asked;
  if (only === undefined || others.length > 0)
    return new IngestError(
      'lake.query',
      `search: no table has a field ${list(unknown)}; quote the word to search for it as text, or name one table to see its fields`,
    );
  const fields = columnsOf(tables[only]).flatMap(({ name, type }) => fieldNames(name, type));
  return new IngestError(
    'lake.query',
    `search: ${only} has no field ${list(unknown)}; quote the word to search for it as text; its fields are ${fields.join(', ')}`,
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
