/** The views of a table, as SQL made from its definition: each row as an OCSF event, and the latest row of each thing. Pure. */
import type { z } from 'zod';
import { columnMeta, columnType, fieldsWithin, type ColumnType } from './column.ts';
import {
  type AttributeKind,
  attributes,
  constantAttributes,
  enumerations,
  keyedMember,
  observableTypes,
  requiredWithin,
} from './ocsf.ts';
import type { Table } from './table.ts';

export interface View {
  readonly name: string;
  readonly sql: string;
}

type Shape = Readonly<Record<string, z.ZodType>>;

/** `relation`: the table as FROM names it. */
export function viewsOf(table: Table, relation: string): View[] {
  return [
    { name: `ocsf_${table.name}`, sql: `SELECT ${ocsfSelection(table)} FROM ${relation}` },
    { name: `latest_${table.name}`, sql: latestSql(table, relation) },
  ];
}

/** A row whose key is not complete stands for itself alone. */
function latestSql({ row, naturalKey }: Table, relation: string): string {
  // named one by one: a view of `*` keeps the columns of the day it was made
  const columns = Object.keys(row.shape).map(quoted).join(', ');
  const key = naturalKey.map(quoted);
  const incomplete = key.map((column) => `${column} IS NULL`).join(' OR ');
  const newest = `row_number() OVER (PARTITION BY tenant_id, ${key.join(', ')} ORDER BY event_time DESC, ingested_at DESC, event_id DESC) = 1`;
  return `SELECT ${columns} FROM ${relation} QUALIFY ${incomplete} OR ${newest}`;
}

/** Attributes on their way to SQL: a value (or several, of which one is taken), or members. Lists of objects are named with `[]`. */
interface Attribute {
  readonly values: string[];
  readonly members: Map<string, Attribute>;
}

const newAttribute = (): Attribute => ({ values: [], members: new Map() });

function ocsfSelection(table: Table): string {
  const event = newAttribute();
  const constants = constantAttributes(table);
  for (const [path, value] of Object.entries(constants)) place(event, path, literal(value));
  place(event, 'time_dt', 'event_time');
  for (const [name, schema] of Object.entries<z.ZodType>(table.row.shape)) {
    if (name in observableTypes || (columnMeta(schema).ocsf ?? '') in constants) continue;
    placeColumn(event, quoted(name), schema);
    // what no attribute takes, or takes only in part
    if (columnMeta(schema).ocsf === undefined || fieldsWithin(schema) !== undefined)
      place(event, `unmapped.${name}`, quoted(name));
  }
  if (table.ocsf.classUid === 4009 && !event.members.has('direction_id')) place(event, 'direction_id', '0');
  place(event, 'action_id', actionSql);
  place(event, 'observables', observablesSql());
  const profiles = ['datetime', 'host', 'security_control', ...(event.members.has('osint[]') ? ['osint'] : [])];
  place(event, 'metadata.profiles', `[${profiles.map(literal).join(', ')}]`);
  return Array.from(
    event.members,
    ([name, attribute]) => `${renderMember(attribute, name, name)} AS ${quoted(bareName(name))}`,
  ).join(', ');
}

/** 1 Allowed, 2 Denied */
const actionSql = 'CASE WHEN disposition_id IN (1, 14) THEN 1 WHEN disposition_id IN (2, 3, 6, 25) THEN 2 ELSE 0 END';

function observablesSql(): string {
  const lists = Object.entries(observableTypes).map(
    ([column, { id, caption }]) =>
      `list_transform(coalesce(${column}, []), lambda v: {'name': ${literal(column)}, 'type': ${literal(caption)}, 'type_id': ${id}, 'value': v})`,
  );
  return `flatten([${lists.join(', ')}])`;
}

/** Gives the column, and the fields within it, to the attributes that they name. */
function placeColumn(event: Attribute, column: string, schema: z.ZodType): void {
  const { ocsf: list } = columnMeta(schema);
  const fields = fieldsWithin(schema);
  const type = columnType(schema);
  if (fields === undefined) {
    if (list !== undefined) placeValue(event, column, type, list);
    return;
  }
  if (list !== undefined) place(event, list, objectsSql(column, fields, list));
  // a single attribute gets its value from the first struct of a list
  const first = type.kind === 'list' ? `${column}[1]` : column;
  for (const [name, field] of Object.entries(fields)) {
    const { ocsf } = columnMeta(field);
    if (ocsf === undefined || (list !== undefined && ocsf.startsWith(`${list}.`))) continue;
    const inner = fieldsWithin(field);
    if (inner === undefined) placeValue(event, `${first}.${quoted(name)}`, columnType(field), ocsf);
    else {
      const objects = objectsSql(`outer_item.${quoted(name)}`, inner, ocsf);
      place(event, ocsf, `flatten(list_transform(${column}, lambda outer_item: coalesce(${objects}, [])))`);
    }
  }
}

/** The structs of a column as objects of the list `list`, such as `email.files[]`. */
function objectsSql(column: string, fields: Shape, list: string): string {
  const object = newAttribute();
  for (const [name, field] of Object.entries(fields)) {
    const { ocsf } = columnMeta(field);
    if (ocsf?.startsWith(`${list}.`) === true)
      placeValue(object, `item.${quoted(name)}`, columnType(field), ocsf, `${list}.`);
  }
  return `list_transform(${column}, lambda item: ${objectSql(object, list)})`;
}

/** `within`: the beginning of the paths that `attribute` stands for. */
function placeValue(attribute: Attribute, sql: string, type: ColumnType, targets: string, within = ''): void {
  for (const target of targets.split(' | ')) {
    const [, path = target, column, wanted] = /^(.*?)(?: \((\w+)=(\w+)\))?$/.exec(target) ?? [];
    const value =
      column === undefined || wanted === undefined
        ? sql
        : `CASE WHEN ${quoted(column)} = ${literal(wanted)} THEN ${sql} END`;
    const inner = path.slice(within.length);
    const kind = attributes[path.replace(/\[[^[\]]+\]$/, '')];
    if (kind === 'enum') {
      place(attribute, inner, enumSql(value, path));
      place(attribute, inner.slice(0, -'_id'.length), value);
    } else if (type.kind === 'list' && inner.includes('[].')) placeEach(attribute, inner, value, path);
    else place(attribute, inner, convertedSql(value, type, kind));
  }
}

/** A list of texts as a list of objects with one attribute, such as `malware[].name`. */
function placeEach(attribute: Attribute, inner: string, list: string, path: string): void {
  const at = inner.indexOf('[].') + 2;
  const object = newAttribute();
  place(object, inner.slice(at + 1), 'item');
  const within = path.slice(0, path.indexOf('[].') + 2);
  place(attribute, inner.slice(0, at), `list_transform(${list}, lambda item: ${objectSql(object, within)})`);
}

function place(attribute: Attribute, path: string, sql: string): void {
  let at = attribute;
  // the key of `hashes[MD5]` is a member of `hashes`
  for (const name of path.replaceAll(/\[([^[\]]+)\]/g, '.[$1]').split('.')) {
    const next = at.members.get(name) ?? newAttribute();
    at.members.set(name, next);
    at = next;
  }
  at.values.push(sql);
}

function renderMember(attribute: Attribute, name: string, path: string): string {
  const { values, members } = attribute;
  if (values.length > 0) return combinedSql(values, attributes[path]);
  const keys = Array.from(members.keys());
  if (keys.every((key) => key.startsWith('['))) return keyedSql(attribute, name);
  const object = objectSql(attribute, path);
  // OCSF wants these two in every event
  if (path === 'email' || path === 'metadata') return object;
  const known = valuesWithin(attribute).map((value) => `${value} IS NOT NULL`);
  return `CASE WHEN ${known.join(' OR ')} THEN ${name.endsWith('[]') ? `[${object}]` : object} END`;
}

function objectSql({ members }: Attribute, path: string): string {
  const parts = Array.from(
    members,
    ([name, member]) => `${literal(bareName(name))}: ${renderMember(member, name, `${path}.${name}`)}`,
  );
  for (const [name, value] of Object.entries(requiredWithin[path] ?? {}))
    if (!members.has(name)) parts.push(`${literal(name)}: ${JSON.stringify(value)}`);
  return `{${parts.join(', ')}}`;
}

function keyedSql({ members }: Attribute, list: string): string {
  const objects = Array.from(members, ([key, { values }]) => {
    const fixed = Object.entries(keyedMember(list, key.slice(1, -1)));
    const parts = fixed.map(([name, value]) => `${literal(name)}: ${literal(value)}`);
    return `{${parts.join(', ')}, 'value': ${combinedSql(values)}}`;
  });
  return `list_filter([${objects.join(', ')}], lambda keyed: keyed.value IS NOT NULL)`;
}

function valuesWithin({ values, members }: Attribute): string[] {
  return [...values, ...Array.from(members.values()).flatMap(valuesWithin)];
}

function combinedSql(values: readonly string[], kind?: AttributeKind): string {
  if (values.length === 1) return values[0] ?? 'NULL';
  return `${kind === 'highest' ? 'greatest' : 'coalesce'}(${values.join(', ')})`;
}

function convertedSql(value: string, type: ColumnType, kind: AttributeKind | undefined): string {
  const isList = type.kind === 'list';
  switch (kind) {
    case 'texts':
      return isList ? value : `CASE WHEN ${value} IS NOT NULL THEN [${value}] END`;
    case 'joined':
      return isList ? `nullif(array_to_string(${value}, ', '), '')` : value;
    case 'time':
      return `epoch_ms(${value})`;
    case 'milliseconds':
      return `CAST(round(${value} * 1000) AS BIGINT)`;
    case 'text':
      return isList ? `${value}[1]` : type.kind === 'text' ? value : `CAST(${value} AS VARCHAR)`;
    default:
      return value;
  }
}

function enumSql(value: string, path: string): string {
  const { ids = {}, otherwise = 0 } = enumerations[path] ?? {};
  const cases = Object.entries(ids).map(([text, id]) => `WHEN ${literal(text)} THEN ${id}`);
  return `CASE WHEN ${value} IS NULL THEN 0 ELSE CASE lower(${value}) ${cases.join(' ')} ELSE ${otherwise} END END`;
}

const bareName = (name: string) => (name.endsWith('[]') ? name.slice(0, -2) : name);
const quoted = (identifier: string) => `"${identifier}"`;
const literal = (value: string | number) =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
