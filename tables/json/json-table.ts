/** A table whose records are JSON objects: decode, map, derive, identify, stamp. */
import { z } from 'zod';
import { decodeUtf8 } from '../decode.ts';
import { envelope } from '../envelope.ts';
import { columns, type Field, type Fields, type Values } from '../field.ts';
import { eventId } from '../identity.ts';
import { reject, stampRow } from '../stamp.ts';
import type { Origin, ParseResult, RawRecord, Table, TableName, TimeMicros } from '../table.ts';
import { canonicalText } from './canonical.ts';
import { departureOf, isObject, mapObject, shapeOf } from './shape.ts';

type Derived = Readonly<Record<string, z.ZodType>>;

export interface JsonTable<F extends Fields, D extends Derived> {
  readonly name: TableName;
  readonly description: string;
  readonly naturalKey: readonly (keyof F & string)[];
  readonly fields: F;
  readonly derived: D;
  /** The derived columns. It may also correct mapped values in place, and add to `extra` what it takes away. */
  derive(values: Values<F>, extra: Map<string, string>): { [K in keyof D]: z.output<D[K]> };
  /** Null: the record has no time of its own. */
  eventTime(values: Values<F>): TimeMicros | null;
}

export function jsonTable<F extends Fields, D extends Derived>(table: JsonTable<F, D>): Table {
  const { name, description, naturalKey, fields } = table;
  const row = z.object({ ...envelope, ...columns(fields), ...table.derived });
  const shape = shapeOf(fields, Object.keys(row.shape));
  const paths: Record<string, string> = {};
  for (const [column, field] of Object.entries<Field>(fields)) {
    const [first] = field.paths;
    if (first !== undefined) paths[column] = first;
  }

  function parse(record: RawRecord, origin: Origin): ParseResult {
    if (record.reject !== undefined) return { reject: record.reject };
    if (record.oversized === true) return reject('too_large', 'the record is longer than records may be');
    const { text: raw, exact } = decodeUtf8(record.bytes);
    if (!exact) return reject('invalid_json', 'the record must be UTF-8');
    const source = parseJson(raw);
    if (source === undefined) return reject('invalid_json', 'the record must be JSON');
    if (!isObject(source)) return reject('not_an_object', 'the record must be a JSON object');
    if (Object.keys(source).length === 0) return reject('invalid_record', 'the record must have at least one field');

    const extra = new Map<string, string>();
    const parsed = mapObject(source, shape, '', extra);
    const values = parsed as Values<F>;
    Object.assign(parsed, table.derive(values, extra));
    stampRow(parsed, record, origin, {
      eventId: eventId(name, canonicalText(source) ?? raw),
      eventTime: table.eventTime(values),
      timeSource: 'record',
      raw,
      extra,
    });
    return { row: parsed };
  }

  return {
    name,
    description,
    row,
    naturalKey,
    identity: 'content',
    paths,
    parse,
    departure: (path, value) => departureOf(shape, path, value),
  };
}

/** Undefined where the text is no JSON. The engine's message is left out: it quotes the record. */
export function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
