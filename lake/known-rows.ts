/** Where in a table of the lake rows may stand already: in the files of their own times, and no others are read. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { LakeTable } from './schema.ts';
import { inList, name, quote, timestampLiteral } from './sql.ts';
import type { BatchHeader } from './stage.ts';

/** Microseconds since 1970 UTC, both inclusive. */
export interface TimeRange {
  readonly low: number;
  readonly high: number;
}

const dayMicros = 86_400_000_000;
/** Zones are no farther apart: from UTC-12 to UTC+14. */
const zonesApartMicros = 26 * 3_600_000_000;
/** Each is a scan to plan. */
const rangesMax = 8;

/** A source, and the zone in which times that say none are read now. */
export type ZonedSource = Pick<BatchHeader, 'tenantId' | 'sourceId' | 'timezone'>;

/** The identities that the table may already have for these rows, as SQL. `union`: selects columns of all of the rows. */
export async function knownRows(
  connection: DuckDBConnection,
  table: LakeTable,
  union: (columns: string) => string,
  sources: readonly ZonedSource[],
): Promise<string> {
  const tenantIds = new Set(sources.map(({ tenantId }) => tenantId));
  const select = `SELECT tenant_id, ${name(table.idColumn)} FROM lake.${name(table.name)} WHERE tenant_id IN ${inList(tenantIds)}`;
  if (!table.ranged || table.dayColumn === undefined) return select;
  const day = name(table.dayColumn);
  const found = await connection.runAndReadAll(`
    SELECT time_source = 'object' AS is_untimed, epoch_us(min(${day})), epoch_us(max(${day}))
    FROM (${union(`${day}, time_source`)}) GROUP BY is_untimed, ${day}::DATE`);
  const days = found.getRows().map(([isUntimed, low, high]) => ({ isUntimed, low: Number(low), high: Number(high) }));
  const timed = days.filter(({ isUntimed }) => isUntimed !== true);
  const apartMicros =
    table.identity === 'line' && (await wereRezoned(connection, sources, timed)) ? zonesApartMicros : 0;
  const around = timed.map(({ low, high }) => ({ low: low - apartMicros, high: high + apartMicros }));
  const searched = timeRanges(around).map(
    ({ low, high }) => `${select} AND ${day} BETWEEN ${timestampLiteral(low)} AND ${timestampLiteral(high)}`,
  );
  // A line without any time has its object's: shipped again in another object it has another, so all such rows are searched.
  if (days.some(({ isUntimed }) => isUntimed === true)) searched.push(`${select} AND time_source = 'object'`);
  return searched.join(' UNION ALL ');
}

/**
 * Whether batches of these sources were read in another zone: lines without a zone that they brought stand at other times. Only batches that can have
 * had the lines count, so that a source whose zone changed long ago costs no more than others.
 */
async function wereRezoned(
  connection: DuckDBConnection,
  sources: readonly ZonedSource[],
  days: readonly TimeRange[],
): Promise<boolean> {
  if (days.length === 0) return false;
  const since = Math.min(...days.map(({ low }) => low)) - zonesApartMicros;
  // batch ids begin with them: of the ledger, which is sorted by id, little is read
  const prefixes = sources.map(({ tenantId, sourceId }) => `${tenantId}/${sourceId}/`).toSorted();
  const zoned = new Set(
    sources.map(({ tenantId, sourceId, timezone }) => {
      const zone = timezone === undefined ? 'NULL::VARCHAR' : quote(timezone);
      return `(${quote(tenantId)}, ${quote(sourceId)}, ${zone})`;
    }),
  );
  const found = await connection.runAndReadAll(`
    SELECT 1 FROM lake.batches AS batch JOIN (VALUES ${[...zoned].join(', ')}) AS source (tenant_id, source_id, timezone)
      ON batch.tenant_id = source.tenant_id AND batch.source_id = source.source_id AND batch.timezone IS DISTINCT FROM source.timezone
    WHERE batch.committed_at >= ${timestampLiteral(since)}
      AND batch.batch_id >= ${quote(prefixes.at(0) ?? '')} AND batch.batch_id < ${quote(`${prefixes.at(-1) ?? ''}\u{10ffff}`)}
    LIMIT 1`);
  return found.currentRowCount > 0;
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
