/** A field: one column and the places in the source record that fill it, said once. Schema, documentation and mapping all come from it. */
import type { z } from 'zod';
import { list, struct, text, type ColumnMeta } from './column.ts';
import type { Clean } from './fit.ts';

export interface Field<T extends z.ZodType = z.ZodType> {
  readonly column: T;
  /** Dotted paths (JSON) or keys (text) of the source; an earlier one wins over a later one. */
  readonly paths: readonly string[];
  readonly clean?: Clean | undefined;
  /** `json`: the source value is kept as JSON text. `records`: a list of objects, each mapped by `items`. */
  readonly as?: 'json' | 'records';
  readonly items?: Fields;
}

export type Fields = Readonly<Record<string, Field>>;
export type Columns<F extends Fields> = { [K in keyof F]: F[K]['column'] };
/** The values that the columns of these fields have in a row. */
export type Values<F extends Fields> = { [K in keyof F]: z.output<F[K]['column']> };

type Meta = Omit<ColumnMeta, 'source'>;
type Paths = string | readonly string[];

/** One value or a list of values. `clean` is applied to each text before it is fitted to the column. */
export function field<T extends z.ZodType>(
  make: (meta: ColumnMeta) => T,
  paths: Paths,
  meta: Meta,
  clean?: Clean,
): Field<T> {
  return { column: make(withSource(meta, paths)), paths: [paths].flat(), clean };
}

/** A part of the record whose form varies: kept whole, as JSON text. */
export function jsonField(paths: Paths, meta: Meta): Field<ReturnType<typeof text>> {
  return { column: text(withSource(meta, paths)), paths: [paths].flat(), as: 'json' };
}

/** A list of objects. */
export function recordsField<F extends Fields>(paths: Paths, items: F, meta: Meta) {
  return {
    column: list(struct(columns(items)), withSource(meta, paths)),
    paths: [paths].flat(),
    as: 'records',
    items,
  } as const;
}

export const textList = (meta: ColumnMeta) => list(text(), meta);

/** The columns of these fields, as a row schema takes them. */
export function columns<F extends Fields>(fields: F): Columns<F> {
  return Object.fromEntries(Object.entries(fields).map(([name, { column }]) => [name, column])) as Columns<F>;
}

function withSource(meta: Meta, paths: Paths): ColumnMeta {
  return { ...meta, source: [paths].flat().join(' | ') };
}
