/** `ppi search`: find events in the lake. */
import { type Command, Option } from 'commander';
import { type SearchHit, type SearchRequest, search } from '../../hunt/search.ts';
import { envelope } from '../../tables/envelope.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import { printCsv, printJson, printTable, UsageError } from '../output.ts';
import { countOption, documented, type JsonOption, namesOption, timeOption, withLake } from './context.ts';

interface Options extends JsonOption {
  readonly from: number;
  readonly to: number;
  readonly time: 'event' | 'ingested';
  readonly tenant?: string[];
  readonly table?: string[];
  readonly columns?: string[];
  readonly limit: number;
  readonly format: 'table' | 'json' | 'csv';
}

const shortNames = new Map(tableNames.map((table) => [table.replace('proofpoint_', ''), table]));

const language = `
Query: terms parted by blanks; a row must match all of them.
  field=value     also != > >= < <=, with letters in either case
  field=192.0.*   * stands for anything, \\* for itself; field=* is any value at all
  field!=value    every row that field=value does not find, those without a value too
  list=value      some element of the list: envelope_rcpts=*@example.com
  parts.sha256=…  some element of a list of records
  extra.key=…     a vendor's field that has no column
  word, "a text"  anywhere in the raw record; \\" is a quote
Tables that lack a field of the query are left out. Times without a zone are UTC.
`;

export function addSearch(noun: Command): void {
  documented(
    noun.argument('[query]').addHelpText('after', language.trimEnd()),
    `ppi search 'sender_ip=192.0.2.* spam_score>=80 "unpaid invoice"' --tenant acme --from -7d`,
  )
    .addOption(
      new Option('--from <time>', 'start of the range').argParser(timeOption).default(Date.now() - 86_400_000, '-24h'),
    )
    .addOption(new Option('--to <time>', 'end of the range').argParser(timeOption).default(Date.now(), 'now'))
    .addOption(
      new Option('--time <which>', 'the time that the range means').choices(['event', 'ingested']).default('event'),
    )
    .addOption(
      new Option('--tenant <names>', 'of these tenants, parted by commas (default: all)').argParser(namesOption),
    )
    .addOption(
      new Option('--table <names>', 'in these tables, with or without "proofpoint_" (default: all eight)').argParser(
        namesOption,
      ),
    )
    .addOption(new Option('--columns <names>', 'show these columns, parted by commas').argParser(namesOption))
    .addOption(new Option('--limit <rows>', 'at most so many rows').argParser(countOption).default(100))
    .addOption(
      new Option('--format <format>', 'how rows are printed').choices(['table', 'json', 'csv']).default('table'),
    )
    .action(async (query: string | undefined, options: Options) => {
      const request = searchRequest(query ?? '', options);
      const startedMs = performance.now();
      const { hits, more } = await withLake((lake) => search(lake, request));
      printHits(hits, options);
      if (options.json !== true && options.format === 'table') {
        const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
        const range = `${new Date(request.fromMs).toISOString()} to ${new Date(request.toMs).toISOString()}`;
        process.stdout.write(
          `${hits.length} rows${more ? ', and more: raise --limit' : ''}; ${range} by ${options.time} time; ${seconds} s\n`,
        );
      }
    });
}

function searchRequest(query: string, options: Options): SearchRequest {
  const searched = options.table?.map(tableOption);
  if (options.from >= options.to) throw new UsageError('--from must be before --to');
  const known = allColumns(searched ?? tableNames);
  const unknown = options.columns?.filter((column) => !known.includes(column)) ?? [];
  if (unknown.length > 0)
    throw new UsageError(`unknown columns ${unknown.map((each) => JSON.stringify(each)).join(', ')}`);
  return {
    query,
    fromMs: options.from,
    toMs: options.to,
    timeColumn: options.time === 'event' ? 'event_time' : 'ingested_at',
    limit: options.limit,
    ...(options.tenant === undefined ? {} : { tenantIds: options.tenant }),
    ...(searched === undefined ? {} : { tables: searched }),
  };
}

export function tableOption(value: string): TableName {
  const table = shortNames.get(value.replace('proofpoint_', ''));
  if (table === undefined)
    throw new UsageError(`unknown table ${JSON.stringify(value)}; the tables are ${tableNames.join(', ')}`);
  return table;
}

function printHits(hits: readonly SearchHit[], options: Options): void {
  const tablesHit = [...new Set(hits.map(({ table }) => table))];
  const valueOf = ({ table, row }: SearchHit, column: string) => (column === 'table' ? table : row[column]);
  if (options.json === true || options.format === 'json') {
    for (const hit of hits)
      printJson(
        options.columns === undefined
          ? { table: hit.table, ...hit.row }
          : Object.fromEntries(options.columns.map((column) => [column, valueOf(hit, column) ?? null])),
      );
    return;
  }
  const columns = options.columns ?? (options.format === 'csv' ? allColumns(tablesHit) : briefColumns(tablesHit));
  const rows = hits.map((hit) => columns.map((column) => valueOf(hit, column)));
  if (options.format === 'csv') printCsv(columns, rows);
  else printTable(columns, rows);
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
function allColumns(ofTables: readonly TableName[]): string[] {
  const own = ofTables.flatMap((table) => columnsOf(tables[table]).map(({ name }) => name));
  return [...new Set(['table', ...Object.keys(envelope), ...own])];
}
