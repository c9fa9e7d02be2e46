/** The rows that `ppi search` found, as a table, JSON or CSV. */
import type { SearchHit } from '../../hunt/search.ts';
import { withIsoTimes } from '../../hunt/time.ts';
import { envelope } from '../../tables/envelope.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import { printCsv, printJson, printTable } from '../output.ts';

export interface RowsOptions {
  readonly format: 'table' | 'json' | 'csv';
  readonly columns?: readonly string[] | undefined;
}

export function printHits(hits: readonly SearchHit[], { format, columns: chosen }: RowsOptions): void {
  const tablesHit = [...new Set(hits.map(({ table }) => table))];
  if (format === 'table') {
    const columns = chosen ?? briefColumns(tablesHit);
    printTable(columns, valuesOf(hits, columns));
    return;
  }
  const exact = exactHits(hits);
  if (format === 'csv') {
    const columns = chosen ?? allColumns(tablesHit);
    printCsv(columns, valuesOf(exact, columns));
    return;
  }
  for (const hit of exact)
    printJson(
      chosen === undefined
        ? { table: hit.table, ...hit.row }
        : Object.fromEntries(chosen.map((column) => [column, valueOf(hit, column) ?? null])),
    );
}

function valuesOf(hits: readonly SearchHit[], columns: readonly string[]): unknown[][] {
  return hits.map((hit) => columns.map((column) => valueOf(hit, column)));
}

function valueOf({ table, row }: SearchHit, column: string): unknown {
  return column === 'table' ? table : row[column];
}

/** For programs: times say that they are UTC. */
function exactHits(hits: readonly SearchHit[]): SearchHit[] {
  const types = new Map(
    hits.map(({ table }) => [table, new Map(columnsOf(tables[table]).map(({ name, type }) => [name, type]))]),
  );
  return hits.map(({ table, row }) => {
    const entries = Object.entries(row).map(([column, value]) => {
      const type = types.get(table)?.get(column);
      return [column, type === undefined ? value : withIsoTimes(value, type)];
    });
    return { table, row: Object.fromEntries(entries) as SearchHit['row'] };
  });
}

/** What an analyst looks at first: in one table the columns that hold addresses, names and subjects; across tables the record itself. */
function briefColumns(tablesHit: readonly TableName[]): string[] {
  const always = ['event_time', 'tenant_id', 'table'];
  const [only, ...others] = tablesHit;
  if (only === undefined || others.length > 0) return [...always, 'raw'];
  const telling = columnsOf(tables[only]).filter(
    ({ type, meta }) => meta.observable !== undefined && type.kind !== 'list',
  );
  return [...always.slice(0, 2), ...telling.map(({ name }) => name)];
}

/** The envelope, then each table's own columns. */
export function allColumns(ofTables: readonly TableName[]): string[] {
  const own = ofTables.flatMap((table) => columnsOf(tables[table]).map(({ name }) => name));
  return [...new Set(['table', ...Object.keys(envelope), ...own])];
}
