/** What the beginning of an object would become in a table, without a value of it. Pure. */
import { createDriftWatch } from '../lake/drift-watch.ts';
import { createLineSplitter } from '../sources/lines.ts';
import { createRecordSplitter } from '../sources/record-splitter.ts';
import type { Beginning } from '../sources/s3/beginning.ts';
import { chooseTable } from '../tables/choice.ts';
import { type ColumnType, duckdbType } from '../tables/column.ts';
import { envelope } from '../tables/envelope.ts';
import { columnsOf, tables } from '../tables/registry.ts';
import type { Origin, RawRecord, Reject, Row, TableName, TimeMicros } from '../tables/table.ts';
import type { TableSample } from './contracts.ts';

const recordsMax = 2000;
/** Of reasons and of drift, the commonest. */
const listedMax = 20;

export interface Sampled {
  readonly tables: readonly TableSample[];
  /** Values that a record has for columns of its own table, on average: the parsers take almost any record, and this tells theirs. */
  readonly fit: number;
}

export function sampleRecords(
  { bytes, isWhole }: Beginning,
  tableName: TableName | 'proofpoint_on_demand',
  unsaid: Pick<Origin, 'fallbackTime' | 'timeZone'>,
): Sampled {
  const choice = chooseTable(tableName);
  const origin = {
    tenantId: '',
    batchId: '',
    uri: '',
    fallbackTimeSource: 'object',
    ingestedAt: unsaid.fallbackTime,
    ...unsaid,
  } as const;
  const watches = new Map<TableName, TableWatch>();
  const records = split(choice.form, bytes, isWhole);
  for (const record of records) {
    const { table, row, reject } = choice.parse(record, origin);
    let watch = watches.get(table);
    if (watch === undefined) watches.set(table, (watch = watchTable(table)));
    if (row === undefined) watch.addReject(reject);
    else watch.addRow(row);
  }
  const sampled = Array.from(watches.values(), (watch) => watch.sample());
  const filled = sampled.flatMap(({ columns }) => columns.map((column) => column.filled));
  return { tables: sampled, fit: filled.reduce((sum, count) => sum + count, 0) / Math.max(1, records.length) };
}

/** Where the object goes on, the last record is cut and left out. */
function split(
  { format, columns }: ReturnType<typeof chooseTable>['form'],
  bytes: Uint8Array,
  isWhole: boolean,
): RawRecord[] {
  const splitter = format === 'text' ? createLineSplitter() : createRecordSplitter({ columns });
  return [...splitter.push(bytes), ...(isWhole ? splitter.end() : [])].slice(0, recordsMax);
}

type TableWatch = ReturnType<typeof watchTable>;

function watchTable(table: TableName) {
  const own = columnsOf(tables[table]).filter(({ name }) => !(name in envelope));
  const filled = new Map<string, number>();
  const rejects = new Map<string, Reject & { count: number }>();
  const drift = createDriftWatch();
  let rows = 0;
  let rejected = 0;
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return {
    addRow(row: Row) {
      rows += 1;
      drift.note(table, row);
      for (const { name } of own) if (!isEmpty(row[name])) filled.set(name, (filled.get(name) ?? 0) + 1);
      if (row['time_source'] === 'object') return;
      first = Math.min(first, Number(row['event_time']));
      last = Math.max(last, Number(row['event_time']));
    },
    addReject(reject: Reject) {
      rejected += 1;
      const identity = `${reject.code} ${reject.reason}`;
      const known = rejects.get(identity) ?? { ...reject, count: 0 };
      known.count += 1;
      rejects.set(identity, known);
    },
    sample: (): TableSample => ({
      table,
      records: rows + rejected,
      rows,
      deadLetters: commonest(Array.from(rejects.values())),
      columns: own.flatMap(({ name, type }) => {
        const count = filled.get(name) ?? 0;
        return count === 0 ? [] : [{ name, type: typeName(type), filled: count }];
      }),
      ...(first <= last ? { firstEventAt: isoTime(first), lastEventAt: isoTime(last) } : {}),
      drift: commonest(
        drift
          .sightings()
          .map(({ path, kind, jsonType, occurrences }) => ({ path, kind, jsonType, count: occurrences })),
      ),
    }),
  };
}

/** As DuckDB writes it, without the fields of what is nested. */
function typeName(type: ColumnType): string {
  return duckdbType(type).replace(/\(.*\)/, '');
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

function commonest<T extends { readonly count: number }>(counted: readonly T[]): T[] {
  return counted.toSorted((a, b) => b.count - a.count).slice(0, listedMax);
}

function isoTime(micros: TimeMicros): string {
  return new Date(Math.floor(micros / 1000)).toISOString();
}
