/** Where in a table of the lake rows may stand already: in the files of their own times, and no others are read. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { LakeTable } from './schema.ts';
import { inList, name, timestampLiteral } from './sql.ts';

/** Microseconds since 1970 UTC, both inclusive. */
export interface TimeRange {
  readonly low: number;
  readonly high: number;
}

const dayMicros = 86_400_000_000;
/** Each is a scan to plan. */
const rangesMax = 8;

/** The identities that the table may already have for these rows, as SQL. `union`: selects columns of all of the rows. */
export async function knownRows(
  connection: DuckDBConnection,
  table: LakeTable,
  union: (columns: string) => string,
  tenantIds: ReadonlySet<string>,
): Promise<string> {
  const select = `SELECT tenant_id, ${name(table.idColumn)} FROM lake.${name(table.name)} WHERE tenant_id IN ${inList(tenantIds)}`;
  if (!table.ranged || table.dayColumn === undefined) return select;
  const day = name(table.dayColumn);
  const found = await connection.runAndReadAll(`
    SELECT time_source = 'object' AS is_untimed, epoch_us(min(${day})), epoch_us(max(${day}))
    FROM (${union(`${day}, time_source`)}) GROUP BY is_untimed, ${day}::DATE`);
  const days = found.getRows().map(([isUntimed, low, high]) => ({ isUntimed, low: Number(low), high: Number(high) }));
  const timed = timeRanges(days.filter(({ isUntimed }) => isUntimed !== true));
  const searched = timed.map(
    ({ low, high }) => `${select} AND ${day} BETWEEN ${timestampLiteral(low)} AND ${timestampLiteral(high)}`,
  );
  // A line without any time has its object's: shipped again in another object it has another, so all such rows are searched.
  if (days.some(({ isUntimed }) => isUntimed === true)) searched.push(`${select} AND time_source = 'object'`);
  return searched.join(' UNION ALL ');
}

/**
 * The days of the rows as few ranges: one where they lie together. A commit that takes rows of today and late ones of a month ago must not read the month
 * between.
 */
export function timeRanges(days: readonly TimeRange[]): TimeRange[] {
  const sorted = days.toSorted((one, other) => one.low - other.low);
  const gapBefore = (index: number) => (sorted[index]?.low ?? 0) - (sorted[index - 1]?.high ?? 0);
  const cuts = sorted
    .map((_, index) => index)
    .filter((index) => index > 0 && gapBefore(index) > dayMicros)
    .toSorted((one, other) => gapBefore(other) - gapBefore(one))
    .slice(0, rangesMax - 1)
    .toSorted((one, other) => one - other);
  return [0, ...cuts].flatMap((from, index) => {
    const [first, last] = [sorted[from], sorted[(cuts[index] ?? sorted.length) - 1]];
    return first === undefined || last === undefined ? [] : [{ low: first.low, high: last.high }];
  });
}
