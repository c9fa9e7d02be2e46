/** Which column a key of a text line fills: the fields of a table made ready for many lines. */
import { columnType, type ColumnType } from '../column.ts';
import type { Fields } from '../field.ts';
import { fitText, type Clean } from '../fit.ts';
import type { Departure, Row } from '../table.ts';
import { commaItems } from './items.ts';

interface Slot {
  readonly column: string;
  readonly type: ColumnType;
  readonly clean: Clean | undefined;
}

export type Plan = ReadonlyMap<string, Slot>;

export function planOf(fields: Fields): Plan {
  const plan = new Map<string, Slot>();
  for (const [column, field] of Object.entries(fields))
    for (const key of field.paths) plan.set(key, { column, type: columnType(field.column), clean: field.clean });
  return plan;
}

/**
 * Puts every value into its column, or into `extra` under its key: where the key has no column, the value does not fit, or the key came before.
 * An empty value of a known key is none.
 */
export function assign(row: Row, extra: Map<string, string>, plan: Plan, keys: string[], values: string[]): void {
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] ?? '';
    const value = values[index] ?? '';
    const slot = plan.get(key);
    if (slot === undefined) keep(extra, key, value);
    else if (value !== '') {
      const fitted = row[slot.column] === null ? fitValue(value, slot) : undefined;
      if (fitted === undefined) keep(extra, key, value);
      else row[slot.column] = fitted;
    }
  }
}

/** Values of a repeated key stand one per line: a log line itself holds no line feed. */
export function keep(extra: Map<string, string>, key: string, value: string): void {
  const before = extra.get(key);
  extra.set(key, before === undefined ? value : `${before}\n${value}`);
}

/** Why `assign` gave the value to `extra`; undefined where its column only had a value already. See Table.departure. */
export function departureOf(plan: Plan, key: string, value: string): Departure | undefined {
  const slot = plan.get(key);
  if (slot === undefined) return 'unknown_field';
  return value.split('\n').every((one) => fitValue(one, slot) !== undefined) ? undefined : 'type_change';
}

function fitValue(value: string, { type, clean }: Slot): unknown {
  if (type.kind !== 'list') return fitText(value, type, clean);
  const items: unknown[] = [];
  for (const item of commaItems(value)) {
    const one = fitText(item, type.item, clean);
    if (one === undefined) return undefined;
    if (one !== null) items.push(one);
  }
  return items;
}
