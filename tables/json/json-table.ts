/** A table whose records are JSON objects: decode, map, derive, identify, stamp. */
import type { z } from 'zod';
import { decodeUtf8 } from '../decode.ts';
import type { Disposition } from '../disposition.ts';
import { columns, type Field, type Fields, type Values } from '../field.ts';
import { eventId } from '../identity.ts';
import { reject, rowSchema, stamper } from '../stamp.ts';
import type { Origin, ParseResult, RawRecord, Row, Table, TableFacts, TimeMicros } from '../table.ts';
import { canonicalText } from './canonical.ts';
import { withExactNumbers } from './exact-numbers.ts';
import { pathOfKeys } from './path.ts';
import { departureOf, isObject, type JsonObject, mapObject, shapeOf } from './shape.ts';

type Derived = Readonly<Record<string, z.ZodType>>;

type DerivedValues<D extends Derived> = { [K in keyof D]: z.output<D[K]> };

export interface JsonTable<F extends Fields, D extends Derived> extends TableFacts {
  readonly naturalKey: readonly (keyof F & string)[];
  readonly fields: F;
  readonly derived: D;
  /** The derived columns. It may also correct mapped values in place, and add to `extra` what it takes away. */
  derive(this: void, values: Values<F>, extra: Map<string, string>): DerivedValues<D>;
  /** Null: the record has no time of its own. */
  eventTime(this: void, values: Values<F>): TimeMicros | null;
  /** Null: the record does not say. */
  disposition(this: void, values: Values<F> & DerivedValues<D>): Disposition | null;
}

export function jsonTable<F extends Fields, D extends Derived>(table: JsonTable<F, D>): Table {
  const { fields, derived, derive, eventTime, disposition, ...facts } = table;
  const { kept: keptPaths = [] } = facts;
  const row: z.ZodObject = rowSchema({ ...columns(fields), ...derived });
  const stamp = stamper(table, row);
  const shape = shapeOf(fields, Object.keys(row.shape));
  const kept = new Set(keptPaths.map((path) => path.replaceAll('[]', '')));
  const claimed = keptPaths.find((path) => departureOf(shape, path.split(/\[\]\.|\./), '') !== 'unknown_field');
  if (claimed !== undefined) throw new Error(`${table.name}: ${claimed} has a column`);
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
    const value = parseJson(raw);
    if (value === undefined) return reject('invalid_json', 'the record must be JSON');
    if (!isObject(value)) return reject('not_an_object', 'the record must be a JSON object');
    if (Object.keys(value).length === 0) return reject('invalid_record', 'the record must have at least one field');

    const { source, content } = identified(value, raw);
    const extra = new Map<string, string>();
    const parsed: Row = mapObject(source, shape, '', extra);
    const values = parsed as Values<F> & DerivedValues<D>;
    Object.assign(parsed, derive(values, extra));
    stamp(parsed, record, origin, {
      eventId: eventId(table.name, content),
      eventTime: eventTime(values),
      timeSource: 'record',
      disposition: disposition(values),
      raw,
      extra,
    });
    return { row: parsed };
  }

  return {
    ...facts,
    row,
    identity: 'content',
    paths,
    parse,
    departure: (path, value) => (kept.has(pathOfKeys(path)) ? undefined : departureOf(shape, path, value)),
  };
}

/** The record, and the content that makes its identity. Numbers that would be rounded become texts: two records would be one. */
function identified(value: JsonObject, raw: string): { readonly source: JsonObject; readonly content: string } {
  const content = canonicalText(value);
  if (content !== undefined) return { source: value, content };
  const exact = parseJson(withExactNumbers(raw));
  return { source: isObject(exact) ? exact : value, content: canonicalText(exact) ?? raw };
}

/** Undefined where the text is no JSON. The engine's message is left out: it quotes the record. */
export function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
