/** What of a TAP source's time has been read, how often, and what is missing. The answer comes from the ledger alone. */
import type { LakeReader } from './reader.ts';
import { quote, timestampLiteral } from './sql.ts';

/** One window as the ledger has it. Epoch milliseconds, half-open. */
export interface ReadWindow {
  readonly fromMs: number;
  readonly toMs: number;
  /** When the vendor was asked; undefined marks a recorded gap. */
  readonly readAtMs: number | undefined;
}

/**
 * `unread` nobody asked for it · `lost` recorded as a gap: the vendor has it no more · `read` once, when it was young ·
 * `settled` read when it was as old as the first settle pass asks for, or more passes
 */
export type CoverageState = 'unread' | 'lost' | 'read' | 'settled';

export interface CoverageInterval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: CoverageState;
  /** Number of settle ages that a read of this interval has reached. */
  readonly passes: number;
}

export interface CoverageInput {
  readonly windows: readonly ReadWindow[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Ages of the settle passes, seconds. */
  readonly settleSeconds: readonly number[];
}

/** Cuts [from, to) into intervals of one state each, without hole or overlap. */
export function coverageOf({ windows, fromMs, toMs, settleSeconds }: CoverageInput): CoverageInterval[] {
  const lost = -1;
  // Level of a window: lost, or the settle passes it is worth. The best level at a time counts.
  const levels = windows
    .filter((window) => window.fromMs < toMs && window.toMs > fromMs)
    .map((window) => ({
      from: Math.max(fromMs, window.fromMs),
      to: Math.min(toMs, window.toMs),
      level: window.readAtMs === undefined ? lost : passesReached(window.readAtMs - window.toMs, settleSeconds),
    }));
  const edges = levels.flatMap(({ from, to, level }) => [
    { atMs: from, level, change: 1 },
    { atMs: to, level, change: -1 },
  ]);
  edges.sort((a, b) => a.atMs - b.atMs);
  const open = new Map<number, number>();
  const intervals: CoverageInterval[] = [];
  let sinceMs = fromMs;
  const close = (untilMs: number) => {
    if (untilMs <= sinceMs) return;
    const best = Math.max(Number.NEGATIVE_INFINITY, ...open.keys());
    const state =
      best === Number.NEGATIVE_INFINITY ? 'unread' : best === lost ? 'lost' : best === 0 ? 'read' : 'settled';
    const passes = Math.max(0, best);
    const previous = intervals.at(-1);
    if (previous?.state === state && previous.passes === passes)
      intervals[intervals.length - 1] = { ...previous, toMs: untilMs };
    else intervals.push({ fromMs: sinceMs, toMs: untilMs, state, passes });
    sinceMs = untilMs;
  };
  for (const { atMs, level, change } of edges) {
    close(atMs);
    const count = (open.get(level) ?? 0) + change;
    if (count === 0) open.delete(level);
    else open.set(level, count);
  }
  close(toMs);
  return intervals;
}

function passesReached(ageMs: number, settleSeconds: readonly number[]): number {
  return settleSeconds.filter((seconds) => ageMs >= seconds * 1000).length;
}

/** Windows of a source in the ledger that touch [from, to). */
export async function readWindows(
  lake: LakeReader,
  { tenantId, sourceId, fromMs, toMs }: { tenantId: string; sourceId: string; fromMs: number; toMs: number },
): Promise<ReadWindow[]> {
  const { rows } = await lake.query(`
    SELECT epoch_ms(covers_from)::DOUBLE AS from_ms, epoch_ms(covers_to)::DOUBLE AS to_ms, pass,
      epoch_ms(coalesce(read_at, committed_at))::DOUBLE AS read_ms
    FROM batches
    WHERE tenant_id = ${quote(tenantId)} AND source_id = ${quote(sourceId)} AND kind = 'tap'
      AND covers_from < ${timestampLiteral(toMs * 1000)} AND covers_to > ${timestampLiteral(fromMs * 1000)}`);
  return rows.map((row) => ({
    fromMs: Number(row['from_ms']),
    toMs: Number(row['to_ms']),
    readAtMs: row['pass'] === 'lost' ? undefined : Number(row['read_ms']),
  }));
}

/** One character a bucket: the worst state in it. `·` unread, `x` lost, `░` read, `▒` settled by some passes, `█` by all. */
export function coveragePicture(intervals: readonly CoverageInterval[], bucketMs: number, passesMax: number): string {
  const first = intervals[0];
  const last = intervals.at(-1);
  if (first === undefined || last === undefined) return '';
  let picture = '';
  for (let fromMs = first.fromMs; fromMs < last.toMs; fromMs += bucketMs) {
    const inside = intervals.filter((interval) => interval.fromMs < fromMs + bucketMs && interval.toMs > fromMs);
    picture += character(inside, passesMax);
  }
  return picture;
}

function character(inside: readonly CoverageInterval[], passesMax: number): string {
  if (inside.some(({ state }) => state === 'unread')) return '·';
  if (inside.some(({ state }) => state === 'lost')) return 'x';
  if (inside.some(({ state }) => state === 'read')) return '░';
  return inside.every(({ passes }) => passes >= passesMax) ? '█' : '▒';
}
