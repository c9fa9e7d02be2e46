/** Column kinds: each makes a zod type that carries its storage type and its documentation, so that one row schema makes DDL, docs and checks. */
import { z } from 'zod';

/** What a column says about itself. */
export interface ColumnMeta {
  readonly description: string;
  /** Field path(s) in the vendor's record, or `derived` with the rule. */
  readonly source: string;
  /** OCSF attribute path(s), where one fits: the notation is that of ocsf.ts. */
  readonly ocsf?: string;
  readonly example?: string;
  /**
   * Set where the column holds values that indicators are searched in. `any`, `artifact`: what they are is seen by their form; with an `@` it is an
   * address in the one, and may be a URL in the other.
   */
  readonly observable?: Observable | SearchedAlone;
}

/** Gathered in the columns `obs_…`. */
export type Observable = 'ip' | 'domain' | 'url' | 'email' | 'hash' | 'any' | 'artifact';

/** Searched in their own columns only. `own_ip`: an address of ours is no indicator, and may be asked for by its network all the same. */
export type SearchedAlone = 'subject' | 'filename' | 'message_id' | 'own_ip';

/** How a column is stored. `timestamp` is microseconds since 1970 UTC as a number; `map` is a Map of string to string; `bytes` is a Uint8Array. */
export type ColumnType =
  | { readonly kind: 'text' | 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp' | 'map' | 'bytes' }
  | { readonly kind: 'list'; readonly item: ColumnType }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, ColumnType>> };

type Meta = Partial<ColumnMeta>;

function column<T extends z.ZodType>(type: T, stored: ColumnType, meta: Meta): T {
  return type.meta({ ...meta, column: stored });
}

export const text = (meta: Meta = {}) => column(z.string().nullable(), { kind: 'text' }, meta);
export const int32 = (meta: Meta = {}) => column(z.int32().nullable(), { kind: 'int32' }, meta);
/** Within JavaScript's safe integers; a larger source value goes to `extra`. */
export const int64 = (meta: Meta = {}) => column(z.int().nullable(), { kind: 'int64' }, meta);
export const float64 = (meta: Meta = {}) => column(z.number().nullable(), { kind: 'float64' }, meta);
export const bool = (meta: Meta = {}) => column(z.boolean().nullable(), { kind: 'bool' }, meta);
export const timestamp = (meta: Meta = {}) => column(z.int().nullable(), { kind: 'timestamp' }, meta);
export const bytes = (meta: Meta = {}) => column(z.instanceof(Uint8Array), { kind: 'bytes' }, meta);
export const list = <T extends z.ZodType>(item: T, meta: Meta = {}) =>
  column(z.array(item).nullable(), { kind: 'list', item: columnType(item) }, meta);
export const struct = <T extends Record<string, z.ZodType>>(fields: T, meta: Meta = {}) =>
  column(
    z.object(fields),
    {
      kind: 'struct',
      fields: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, columnType(field)])),
    },
    meta,
  );
/** A Map, not an object: its keys come from senders and may be `__proto__`. */
export const textMap = (meta: Meta = {}) => column(z.map(z.string(), z.string()), { kind: 'map' }, meta);

/** The storage type of a column made by the functions above. */
export function columnType(type: z.ZodType): ColumnType {
  const known = type.meta()?.['column'] as ColumnType | undefined;
  if (known === undefined) throw new Error('not a column: build row schemas with the functions of tables/column.ts');
  return known;
}

/** What a column says about itself. */
export function columnMeta(type: z.ZodType): ColumnMeta {
  const { column: _, ...meta } = type.meta() ?? {};
  return meta as unknown as ColumnMeta;
}

/** The fields of a struct, or of the structs in a list; undefined where the column holds none. */
export function fieldsWithin(type: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  if (type instanceof z.ZodNullable) return fieldsWithin(type.unwrap() as z.ZodType);
  if (type instanceof z.ZodArray) return fieldsWithin(type.element as z.ZodType);
  return type instanceof z.ZodObject ? type.shape : undefined;
}

/** The storage type as DuckDB writes it. */
export function duckdbType(type: ColumnType): string {
  switch (type.kind) {
    case 'text':
      return 'VARCHAR';
    case 'int32':
      return 'INTEGER';
    case 'int64':
      return 'BIGINT';
    case 'float64':
      return 'DOUBLE';
    case 'bool':
      return 'BOOLEAN';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'map':
      return 'MAP(VARCHAR, VARCHAR)';
    case 'bytes':
      return 'BLOB';
    case 'list':
      return `${duckdbType(type.item)}[]`;
    case 'struct':
      return `STRUCT(${Object.entries(type.fields)
        .map(([name, field]) => `"${name}" ${duckdbType(field)}`)
        .join(', ')})`;
  }
}
