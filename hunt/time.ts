/** Times as analysts write them, and as they are given to programs. Pure. */
import type { ColumnType } from '../tables/column.ts';
import { parseIsoMicros } from '../tables/time.ts';

/**
 * A day, a minute, or any longer ISO time; a blank may stand for the `T`, and no zone is UTC.
 * Microseconds since 1970 UTC; undefined where the text is no such time.
 */
export function parseTimeMicros(value: string): number | undefined {
  const [, day, minute = 'T00:00', rest = ''] =
    /^(\d{4}-\d\d-\d\d)(?:([T ]\d\d:\d\d)(Z|[+-]\d\d(?::?\d\d)?)?)?$/.exec(value) ?? [];
  return parseIsoMicros(day === undefined ? value : `${day}${minute}:00${rest}`);
}

/** A value of a column as DuckDB prints it, with its times in ISO 8601: without a zone, programs take them for their own. */
export function withIsoTimes(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return value;
  switch (type.kind) {
    case 'timestamp':
      return `${String(value).replace(' ', 'T')}Z`;
    case 'list':
      return Array.isArray(value) ? value.map((each) => withIsoTimes(each, type.item)) : value;
    case 'struct':
      return Object.fromEntries(
        Object.entries(value).map(([field, each]) => {
          const fieldType = type.fields[field];
          return [field, fieldType === undefined ? each : withIsoTimes(each, fieldType)];
        }),
      );
    default:
      return value;
  }
}

/** A row with the times in these fields so. */
export function withIsoFields<T extends object>(row: T, fields: readonly (keyof T)[]): Record<keyof T, unknown> {
  const times = fields.map((field) => [field, withIsoTimes(row[field], { kind: 'timestamp' })] as const);
  return { ...row, ...(Object.fromEntries(times) as Record<keyof T, unknown>) };
}
