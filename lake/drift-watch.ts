/** Counts, while a batch is staged, what its rows hold beyond the schema. Knows field paths and the shapes of values; keeps no value. Pure. */
import { keyPath, parsePath } from '../tables/json/path.ts';
import { tables } from '../tables/registry.ts';
import type { Departure, Row, Table, TableName } from '../tables/table.ts';

export type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';

/** Values of one path, kind and type. */
export interface Sighting {
  readonly table: TableName;
  /** List indexes are `[]`, so that all items of a list share a path. */
  readonly path: string;
  readonly kind: Departure;
  readonly jsonType: JsonType;
  /** Shape of the first value: letters as `a`, digits as `9`. */
  readonly example: string;
  occurrences: number;
}

export interface DriftWatch {
  note(table: TableName, row: Row): void;
  sightings(): Sighting[];
}

/** Keys may come from senders: of each table so many paths are told apart, all others are one. */
export const pathsMax = 1000;
export const otherPaths = '(other paths)';

const pathLengthMax = 200;
const exampleLengthMax = 40;
/** Keys of `extra` whose reading is remembered; bounds memory under hostile keys. */
const slotsMax = 4096;
const keyLengthMax = 1024;

export function createDriftWatch(): DriftWatch {
  const watches = new Map<TableName, TableWatch>();
  return {
    note(table, row) {
      const extra = row['extra'] as ReadonlyMap<string, string> | undefined;
      if (extra === undefined || extra.size === 0) return;
      let watch = watches.get(table);
      if (watch === undefined) {
        watch = createTableWatch(tables[table]);
        watches.set(table, watch);
      }
      watch.note(extra, row);
    },
    sightings: () => Array.from(watches.values()).flatMap((watch) => watch.sightings()),
  };
}

interface TableWatch {
  note(extra: ReadonlyMap<string, string>, row: Row): void;
  sightings(): Sighting[];
}

/** What is known of one key of `extra`. */
interface Slot {
  readonly path: string;
  /** No column: whatever the value. Else each value has to be looked at. */
  readonly unknown: boolean;
  readonly keys: readonly string[];
  /** By `look`. */
  readonly types: (JsonType | undefined)[];
  /** By `look`, for unknown fields. */
  readonly seen: (Sighting | undefined)[];
}

function createTableWatch(table: Table): TableWatch {
  const isText = table.identity === 'line';
  const slots = new Map<string, Slot>();
  const found = new Map<string, Sighting>();
  const paths = new Set<string>();

  function slotOf(key: string): Slot {
    // a longer key is nobody's field: it is not read, only cut
    const steps = (isText || key.length > keyLengthMax ? undefined : parsePath(key)) ?? [key];
    const keys = steps.filter((step) => typeof step === 'string');
    const slot = {
      path: cut(isText ? key : foldedPath(steps)),
      unknown: table.departure(keys, undefined) === 'unknown_field',
      keys,
      types: [],
      seen: [],
    };
    if (slots.size === slotsMax) slots.clear();
    if (key.length <= keyLengthMax) slots.set(key, slot);
    return slot;
  }

  function sighting(
    slot: Slot,
    { look, key, value, record }: { look: number; key: string; value: string; record: () => unknown },
  ): Sighting | undefined {
    const { path, unknown, keys, types } = slot;
    if (!unknown && table.departure(keys, isText ? value : jsonValue(value)) === undefined) return undefined;
    const kind = unknown ? 'unknown_field' : 'type_change';
    const jsonType = (types[look] ??= isText ? 'string' : typeOf(value, key, record));
    if (!paths.has(path) && paths.size >= pathsMax) return entry(otherPaths, kind, jsonType, value);
    paths.add(path);
    return entry(path, kind, jsonType, value);
  }

  function entry(path: string, kind: Departure, jsonType: JsonType, value: string): Sighting {
    const identity = `${kind} ${jsonType} ${path}`;
    const known = found.get(identity);
    if (known !== undefined) return known;
    const first = { table: table.name, path, kind, jsonType, example: shapeOfText(value), occurrences: 0 };
    found.set(identity, first);
    return first;
  }

  return {
    note(extra, row) {
      let parsed: { readonly value: unknown } | undefined;
      // once, whatever the number of its unknown fields: a sender may choose that
      const record = () => (parsed ??= { value: jsonValue(String(row['raw'])) }).value;
      for (const [key, value] of extra) {
        const slot = slots.get(key) ?? slotOf(key);
        const look = isText ? 0 : lookOf(value);
        let seen = slot.seen[look];
        if (seen === undefined) {
          seen = sighting(slot, { look, key, value, record });
          if (seen === undefined) continue;
          if (slot.unknown) slot.seen[look] = seen;
        }
        seen.occurrences += 1;
      }
    },
    sightings: () => Array.from(found.values()),
  };
}

/** `extra` holds texts as they are and anything else as JSON: values whose texts begin alike are taken for one type within a batch. */
function lookOf(value: string): number {
  const code = value.charCodeAt(0);
  if (code === 123) return 1;
  if (code === 91) return 2;
  if (code === 45 || (code >= 48 && code <= 57)) return 3;
  return code === 116 || code === 102 || code === 110 ? 4 : 0;
}

/** The type that the record itself gives the value: its text alone does not tell "5" from 5. */
function typeOf(value: string, key: string, record: () => unknown): JsonType {
  if (lookOf(value) === 0) return 'string';
  let place = record();
  for (const step of parsePath(key) ?? []) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, step)) return 'string';
    place = (place as Record<string | number, unknown>)[step];
  }
  if (place === null) return 'null';
  if (Array.isArray(place)) return 'array';
  const type = typeof place;
  return type === 'object' || type === 'number' || type === 'boolean' ? type : 'string';
}

/** The value that the text may stand for; the text itself where it is no JSON. */
function jsonValue(text: string): unknown {
  if (lookOf(text) === 0) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function foldedPath(steps: readonly (string | number)[]): string {
  return steps.reduce<string>(
    (path, step) => (typeof step === 'number' ? `${path}[]` : keyPath(path, step.slice(0, pathLengthMax))),
    '',
  );
}

function cut(path: string): string {
  return path.length <= pathLengthMax ? path : `${path.slice(0, pathLengthMax - 1)}…`;
}

/** The value without what it says. */
function shapeOfText(value: string): string {
  return Array.from(value.slice(0, exampleLengthMax), (sign) => {
    if (/\p{L}|\p{M}/u.test(sign)) return 'a';
    if (/\p{N}/u.test(sign)) return '9';
    return /[\x20-\x7e]/.test(sign) ? sign : '?';
  }).join('');
}
