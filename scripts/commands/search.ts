/** `ppi search`: find events in the lake. */
import { type Command, Option } from 'commander';
import { type SearchHit, type SearchRequest, search } from '../../hunt/search.ts';
import { envelope } from '../../tables/envelope.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import { printCsv, printJson, printTable, UsageError } from '../output.ts';
import { countOption, documented, type JsonOption, timeOption, withLake } from './context.ts';

interface Options extends JsonOption {
  readonly from: number;
  readonly to: number;
  readonly time: 'event' | 'ingested';
  readonly tenant?: string[];
  readonly table?: string[];
  readonly columns?: string;
  readonly limit: number;
  readonly format: 'table' | 'json' | 'csv';
}

const shortNames = new Map(tableNames.map((table) => [table.replace('proofpoint_', ''), table]));

export function addSearch(program: Command): void {
  documented(
    program.command('search [query]'),
    `ppi search 'sender_ip=192.0.2.* spam_score>=80 "unpaid invoice"' --tenant acme --from -7d`,
  )
    .description(
      'find events: field=value, !=, >, >=, <, <=, and free text; * stands for anything; all of it must hold',
    )
    .addOption(
      new Option('--from <time>', 'start of the range').argParser(timeOption).default(Date.now() - 86_400_000, '-24h'),
    )
    .addOption(new Option('--to <time>', 'end of the range').argParser(timeOption).default(Date.now(), 'now'))
    .addOption(
      new Option('--time <which>', 'the time that the range means').choices(['event', 'ingested']).default('event'),
    )
    .option('--tenant <tenant...>', 'of these tenants; default: all')
    .option('--table <table...>', 'in these tables, with or without "proofpoint_"; default: all eight')
    .option('--columns <names>', 'show these columns, parted by commas')
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
  if (options.from >= options.to) throw new UsageError('--from must be before --to');
  return {
    query,
    fromMs: options.from,
    toMs: options.to,
    timeColumn: options.time === 'event' ? 'event_time' : 'ingested_at',
    limit: options.limit,
    ...(options.tenant === undefined ? {} : { tenantIds: options.tenant }),
    ...(options.table === undefined ? {} : { tables: options.table.map(tableOption) }),
  };
}

function tableOption(value: string): TableName {
  const table = shortNames.get(value.replace('proofpoint_', ''));
  if (table === undefined)
    throw new UsageError(`unknown table ${JSON.stringify(value)}; the tables are ${tableNames.join(', ')}`);
  return table;
}

function printHits(hits: readonly SearchHit[], options: Options): void {
  if (options.json === true || options.format === 'json') {
    for (const { table, row } of hits) printJson({ table, ...row });
    return;
  }
  const tablesHit = [...new Set(hits.map(({ table }) => table))];
  const columns =
    options.columns?.split(',') ?? (options.format === 'csv' ? allColumns(tablesHit) : briefColumns(tablesHit));
  const rows = hits.map(({ table, row }) => columns.map((column) => (column === 'table' ? table : row[column])));
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
function allColumns(tablesHit: readonly TableName[]): string[] {
  const own = tablesHit.flatMap((table) => columnsOf(tables[table]).map(({ name }) => name));
  return [...new Set(['table', ...Object.keys(envelope), ...own])];
}
