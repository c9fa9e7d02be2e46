/**
 * The mapping of a JSON record to columns. The record is walked once, key by key, and every value ends in the column that its path names or in
 * `extra` under that path: nothing can be lost, and nothing has to be listed as consumed.
 */
import { columnType, type ColumnType } from '../column.ts';
import type { Field, Fields } from '../field.ts';
import { fit } from '../fit.ts';
import { blankRow } from '../stamp.ts';
import type { Departure, Row } from '../table.ts';
import { jsonText } from './canonical.ts';
import { itemPath, keyPath } from './path.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** A set of fields made ready for walking. */
export interface Shape {
  readonly blank: Row;
  /** Copied for every record: one array, where a map would grow claim by claim. */
  readonly unclaimed: readonly undefined[];
  readonly root: Branch;
}

interface Leaf {
  readonly column: string;
  /** Place of the column among those of its shape. */
  readonly at: number;
  readonly type: ColumnType;
  readonly field: Field;
  /** Place among the field's paths: the lower wins. */
  readonly rank: number;
  readonly items: Shape | undefined;
}

interface Branch {
  readonly exact: Map<string, Leaf | Branch>;
  /** The same by `looseKey`. */
  readonly loose: Map<string, Leaf | Branch>;
}

/** The source value that fills a column, while others may still turn up for it. */
interface Claim {
  readonly rank: number;
  readonly parent: string;
  readonly key: string;
  readonly source: unknown;
  /** Of the value in the column, once that was asked for: a record may name a field in any number of spellings. */
  text?: string;
}

/** `names`: all columns of the row, in order. Throws where two fields claim one path: a mistake in a table's definition. */
export function shapeOf(fields: Fields, names: readonly string[] = Object.keys(fields)): Shape {
  const root: Branch = { exact: new Map(), loose: new Map() };
  const entries = Object.entries(fields);
  for (const [at, [column, field]] of entries.entries()) {
    const items = field.items === undefined ? undefined : shapeOf(field.items);
    const type = columnType(field.column);
    for (const [rank, path] of field.paths.entries()) plant(root, path, { column, at, type, field, rank, items });
  }
  return { blank: blankRow(names), unclaimed: entries.map(() => undefined), root };
}

/** A row with the columns of `source`; what has no column, or does not fit it, is added to `extra`. `path` is where `source` stands in its record. */
export function mapObject(source: JsonObject, shape: Shape, path: string, extra: Map<string, string>): Row {
  const row = { ...shape.blank };
  walk(source, shape.root, path, row, shape.unclaimed.slice(), extra);
  return row;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As deep as the fields' paths, whatever the record. */
function walk(
  source: JsonObject,
  branch: Branch,
  path: string,
  row: Row,
  claims: (Claim | undefined)[],
  extra: Map<string, string>,
): void {
  for (const key of Object.keys(source)) {
    const value = source[key];
    const exact = branch.exact.get(key);
    const found = exact ?? branch.loose.get(looseKey(key));
    if (found === undefined) extra.set(keyPath(path, key), jsonText(value));
    else if (value === null) continue;
    else if ('rank' in found) {
      const rank = exact === undefined ? found.rank + found.field.paths.length : found.rank;
      claim({ rank, parent: path, key, source: value }, found, row, claims, extra);
    } else if (isObject(value)) walk(value, found, keyPath(path, key), row, claims, extra);
    else extra.set(keyPath(path, key), jsonText(value));
  }
}

/** Gives the column to the better of two claims; the other value is kept in `extra` unless it is the same, or an empty list. */
function claim(next: Claim, leaf: Leaf, row: Row, claims: (Claim | undefined)[], extra: Map<string, string>): void {
  const { column } = leaf;
  const value = read(next, leaf, extra);
  if (value === undefined) extra.set(pathOf(next), jsonText(next.source));
  if (value === undefined || value === null) return;
  const held = claims[leaf.at];
  if (held === undefined) {
    claims[leaf.at] = next;
    row[column] = value;
    return;
  }
  const before = row[column];
  const wins = isEmpty(before) === isEmpty(value) ? isBetter(next, held) : isEmpty(before);
  const loser = wins ? held : next;
  if (!isEmpty(wins ? before : value) && (held.text ??= jsonText(before)) !== (next.text ??= jsonText(value)))
    extra.set(pathOf(loser), jsonText(loser.source));
  if (!wins) return;
  claims[leaf.at] = next;
  row[column] = value;
}

/** A list without items, which says as little as an empty text. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isBetter(next: Claim, held: Claim): boolean {
  return next.rank === held.rank ? pathOf(next) < pathOf(held) : next.rank < held.rank;
}

function pathOf({ parent, key }: Claim): string {
  return keyPath(parent, key);
}

function read(next: Claim, { type, field, items }: Leaf, extra: Map<string, string>): unknown {
  const { source } = next;
  if (field.as === 'json') return jsonText(source);
  if (items !== undefined) return readRecords(source, items, pathOf(next), extra);
  if (Array.isArray(source) && source.length > 1 && type.kind !== 'list') extra.set(pathOf(next), jsonText(source));
  return fit(source, type, field.clean);
}

function readRecords(source: unknown, items: Shape, path: string, extra: Map<string, string>): Row[] | undefined {
  if (isObject(source)) return [mapObject(source, items, path, extra)];
  if (!Array.isArray(source)) return undefined;
  const records: Row[] = [];
  for (const [index, item] of source.entries()) {
    const place = itemPath(path, index);
    if (isObject(item)) records.push(mapObject(item, items, place, extra));
    else if (item !== null) extra.set(place, jsonText(item));
  }
  return records;
}

/** Why `mapObject` gave the value to `extra`; undefined where it only lost its column to another. See Table.departure. */
export function departureOf({ root }: Shape, path: readonly string[], value: unknown): Departure | undefined {
  let branch = root;
  for (const [index, key] of path.entries()) {
    const found = branch.exact.get(key) ?? branch.loose.get(looseKey(key));
    if (found === undefined) return 'unknown_field';
    if (!('rank' in found)) branch = found;
    else if (index === path.length - 1) return holds(found, value) ? undefined : 'type_change';
    else if (found.items === undefined) return 'unknown_field';
    else branch = found.items.root;
  }
  return 'type_change';
}

function holds({ type, field, items }: Leaf, value: unknown): boolean {
  if (field.as === 'json') return true;
  if (items !== undefined) return isObject(value) || Array.isArray(value);
  if (Array.isArray(value) && value.length > 1 && type.kind !== 'list') return false;
  return fit(value, type, field.clean) !== undefined;
}

/** `threatID`, `threatId` and `threat_id` are one field: vendors write all three, even within one event. */
function looseKey(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

function plant(root: Branch, path: string, leaf: Leaf): void {
  const keys = path.split('.');
  const last = keys.pop() ?? path;
  let branch = root;
  for (const key of keys) {
    const next = branch.exact.get(key) ?? { exact: new Map(), loose: new Map() };
    if ('rank' in next) throw new Error(`${path} lies within a path that is mapped already`);
    branch.exact.set(key, next);
    branch.loose.set(looseKey(key), next);
    branch = next;
  }
  if (branch.exact.has(last)) throw new Error(`${path} is mapped already`);
  branch.exact.set(last, leaf);
  // a path that is spelled out keeps its key against one that only resembles it
  if (!branch.loose.has(looseKey(last))) branch.loose.set(looseKey(last), leaf);
}
