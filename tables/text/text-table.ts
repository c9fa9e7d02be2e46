/** A table whose records are text lines: decode, read the header, let the table's grammar read the rest, identify, stamp. The hot path. */
import type { z } from 'zod';
import { int32, text, timestamp } from '../column.ts';
import { base64, decodeUtf8 } from '../decode.ts';
import type { Disposition } from '../disposition.ts';
import { columns, type Fields, type Values } from '../field.ts';
import { eventId } from '../identity.ts';
import { blankRow, reject, rowSchema, stamper } from '../stamp.ts';
import type { Departure, Origin, ParseResult, RawRecord, Table, TableFacts } from '../table.ts';
import { departureOf, keep, planOf, type Plan } from './plan.ts';
import { parseHeader } from './syslog-header.ts';

const headerColumns = {
  log_time: timestamp({
    description: 'Time of the line, UTC; null where it has none that can be read.',
    source: 'header',
    ocsf: 'metadata.original_time',
  }),
  host: text({
    description: 'Host that wrote the line.',
    source: 'header',
    ocsf: 'device.hostname',
    example: 'myserver123',
  }),
  process: text({
    description: 'Program that wrote the line.',
    source: 'header',
    ocsf: 'actor.process.name',
    example: 'filter_instance1',
  }),
  pid: int32({
    description: 'Process id of the program.',
    source: 'header',
    ocsf: 'actor.process.pid',
    example: '21074',
  }),
};

export const eventTimeFrom =
  "time of the line (a BSD time has no year: that of the object's LastModified, or the year before), where it has no zone, as BSD times and some others, in the `timezone` of the source (UTC where none is set), else the object's LastModified";

/** What the parser itself puts into `extra`. */
const ownKeys = ['raw_base64', 'syslog_priority'];

type Derived = Readonly<Record<string, z.ZodType>>;

export interface TextTable<F extends Fields, D extends Derived> extends TableFacts {
  readonly naturalKey: readonly (keyof (F & D) & string)[];
  readonly fields: F;
  readonly derived: D;
  /** Reads `line` from `from` into the columns of `row`, all null before, and `extra`; false where it found no field at all. */
  read(this: void, line: string, from: number, plan: Plan, row: RowOf<F, D>, extra: Map<string, string>): boolean;
  /** Null: the line does not say. */
  disposition(this: void, row: RowOf<F, D>, extra: ReadonlyMap<string, string>): Disposition | null;
}

type RowOf<F extends Fields, D extends Derived> = Values<F> & { [K in keyof D]: z.output<D[K]> };

export function textTable<F extends Fields, D extends Derived>(table: TextTable<F, D>): Table {
  const { fields, derived, read, disposition, ...facts } = table;
  const { kept: keptKeys = [] } = facts;
  const row: z.ZodObject = rowSchema({ ...headerColumns, ...columns(fields), ...derived });
  const stamp = stamper(table, row);
  const blank = blankRow(Object.keys(row.shape));
  const plan = planOf(fields);
  const kept = new Set([...keptKeys, ...ownKeys]);
  const claimed = keptKeys.find((key) => plan.has(key));
  if (claimed !== undefined) throw new Error(`${table.name}: ${claimed} has a column`);

  function parse(record: RawRecord, origin: Origin): ParseResult {
    if (record.oversized === true) return reject('too_large', 'the line is longer than lines may be');
    const { text: raw, exact } = decodeUtf8(record.bytes);
    const header = parseHeader(raw, origin);
    const extra = new Map<string, string>();
    const parsed = { ...blank };
    const hasFields = read(raw, header.end, plan, parsed as RowOf<F, D>, extra);
    const hasHeader = header.time !== undefined || header.process !== null;
    if (!hasFields && !hasHeader)
      return reject('unknown_line', 'the line must have a header or at least one key=value');

    if (header.oddTime !== undefined) keep(extra, 'log_time', header.oddTime);
    if (header.priority !== undefined) keep(extra, 'syslog_priority', header.priority);
    if (!exact) keep(extra, 'raw_base64', base64(record.bytes));
    parsed['log_time'] = header.time ?? null;
    parsed['host'] = header.host;
    parsed['process'] = header.process;
    parsed['pid'] = header.pid;
    stamp(parsed, record, origin, {
      eventId: eventId(table.name, exact ? raw : record.bytes),
      eventTime: header.time,
      timeSource: header.timeSource,
      disposition: disposition(parsed as RowOf<F, D>, extra),
      raw,
      extra,
    });
    return { row: parsed };
  }

  function departure([key = '']: readonly string[], value: unknown): Departure | undefined {
    if (kept.has(key)) return undefined;
    return key === 'log_time' ? 'type_change' : departureOf(plan, key, String(value));
  }

  return {
    ...facts,
    row,
    identity: 'line',
    parse,
    departure,
  };
}
