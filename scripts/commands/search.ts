/** `ppi search`: find events in the lake. */
import { type Command, Option } from 'commander';
import { type SearchAnswer, type SearchRequest, search } from '../../hunt/search.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import { note, UsageError } from '../output.ts';
import { countOption, documented, type JsonOption, namesOption, timeOption, withLake } from './context.ts';
import { mustBeTenants } from './known-tenants.ts';
import { allColumns, printHits } from './search-rows.ts';

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
  obs_ip=… obs_domain=… obs_email=… obs_url=… obs_hash=…
                  an indicator, in whichever column it stands; all eight tables have these
  obs_ip=192.0.2.0/24
                  an address of the network, IPv6 too; also in sender_ip and its like
  obs_domain=a.example
                  this name alone; obs_domain=*.a.example finds the names below it
  field=value     also != > >= < <=, with letters in either case and no blanks around
  field=192.0.*   * stands for anything, \\* for itself; field=* is any value at all
  field!=value    every row that field=value does not find, those without a value too
  list=value      some element of the list: envelope_rcpts=*@example.com
  parts.sha256=…  some element of a list of records
  extra.key=…     a vendor's field that has no column; < and > compare it with a number as one
  word, inv*ce    anywhere in the raw record, with * and \\* as above
  "a text"        the same as it stands, stars too; \\" is a quote
There are no operators AND, OR and NOT; quoted they are words.
Indicators may be given as hxxp://evil[.]example, Message-IDs with their <>.
Tables that lack a field of the query are left out; the last line says so.
Times without a zone are UTC; JSON and CSV have them with Z.
`;

export function addSearch(noun: Command): void {
  documented(
    noun.argument('[query]').addHelpText('after', language.trimEnd()),
    `ppi search 'obs_ip=192.0.2.0/24 "unpaid invoice"' --tenant acme --from -7d`,
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
      const format = options.json === true ? 'json' : options.format;
      const startedMs = performance.now();
      const answer = await withLake(async (lake) => {
        const found = await search(lake, request);
        const tenantsHit = new Set(found.hits.map(({ row }) => row['tenant_id']));
        await mustBeTenants(options.tenant?.filter((tenant) => !tenantsHit.has(tenant)) ?? [], { lake });
        return found;
      });
      printHits(answer.hits, { format, columns: options.columns?.map(columnName) });
      const count = `${answer.hits.length} rows${answer.more ? ', and more: raise --limit' : ''}`;
      if (format === 'table') {
        const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
        const range = `${new Date(request.fromMs).toISOString()} to ${new Date(request.toMs).toISOString()}`;
        process.stdout.write(`${count}; ${range} by ${options.time} time; ${seconds} s; ${tablesSearched(answer)}\n`);
      } else if (answer.more || answer.leftOut.length > 0) note(`${count}; ${tablesSearched(answer)}`);
    });
}

/** Names those that were searched, or those that were not: whichever are fewer. */
function tablesSearched({ searched, leftOut }: SearchAnswer): string {
  const asked = searched.length + leftOut.length;
  const names = (some: readonly TableName[]) => some.map((table) => table.replace('proofpoint_', '')).join(', ');
  const which = searched.length < leftOut.length ? `: ${names(searched)}` : `, not ${names(leftOut)}`;
  return `in ${searched.length} of ${asked} ${asked === 1 ? 'table' : 'tables'}${leftOut.length === 0 ? '' : which}`;
}

/** Columns are named in either case, as fields are. */
const columnName = (given: string) => given.toLowerCase();

function searchRequest(query: string, options: Options): SearchRequest {
  const searched = options.table?.map(tableOption);
  if (options.from >= options.to) throw new UsageError('--from must be before --to');
  const known = allColumns(searched ?? tableNames);
  const unknown = options.columns?.filter((column) => !known.includes(columnName(column))) ?? [];
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
