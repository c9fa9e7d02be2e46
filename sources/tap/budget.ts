/**
 * The vendor's allowance: 1,800 requests to the SIEM API in any rolling 24 hours, then 429 until the oldest falls out
 * (https://github.com/elastic/integrations/issues/9969). It does not say how many are left, so every request is counted here.
 * Pure; workflow code imports it.
 */

/** `live` new windows · `settle` closed hours again · `backfill` on request. The earlier goes first. */
export type RequestClass = 'live' | 'settle' | 'backfill';

/** Requests by UTC hour (`2026-01-31T05`), each as [live, settle, backfill]. At most 26 hours: it travels with the source's state. */
export type RequestLog = Readonly<Record<string, readonly [number, number, number]>>;

/** Four fifths of the allowance are ours: others may use the same credential, and a lost answer may have been counted. */
export const requestsPerDay = 1440;

/** Kept free by all but live reads, so that catching up after an outage never waits for them. */
const liveReserve = 72;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const classes: readonly RequestClass[] = ['live', 'settle', 'backfill'];

export interface BudgetInput {
  readonly log: RequestLog;
  readonly nowMs: number;
  /** What the source reads in a day when nothing is wrong: live and settle windows. */
  readonly steadyPerDay: number;
  /** Of those, the settle windows. */
  readonly settlePerDay: number;
}

/** How many requests of the class may be made now. */
export function requestsLeft(wanted: RequestClass, input: BudgetInput): number {
  const used = usedRequests(input.log, input.nowMs);
  const free = requestsPerDay - used.live - used.settle - used.backfill;
  // Live reads that want all there is would leave late events unread for good; they themselves come late at most, in longer windows.
  const settleShare = Math.max(0, input.settlePerDay - used.settle);
  if (wanted === 'live') return Math.max(0, free - settleShare);
  if (wanted === 'settle') return Math.max(0, free - liveReserve, Math.min(free, settleShare));
  // A new source has used little yet but will need its share all day: a backfill may only have what is beyond that.
  return Math.max(0, Math.min(free - liveReserve, backfillShare(input) - used.backfill));
}

/** What backfills may have in a day; 0 where the source itself needs all of it. */
export function backfillShare({ steadyPerDay }: Pick<BudgetInput, 'steadyPerDay'>): number {
  return Math.max(0, requestsPerDay - liveReserve - steadyPerDay);
}

/** Requests of the last 24 hours. An hour counts whole until its last minute is a day old. */
export function usedRequests(log: RequestLog, nowMs: number): Record<RequestClass, number> {
  const used = { live: 0, settle: 0, backfill: 0 };
  for (const [hour, counts] of Object.entries(log)) {
    if (expiresMs(hour) <= nowMs) continue;
    for (const [index, each] of classes.entries()) used[each] += counts[index] ?? 0;
  }
  return used;
}

/** The log with `count` more requests, without the hours that no longer count. */
export function withRequests(log: RequestLog, added: RequestClass, count: number, nowMs: number): RequestLog {
  const kept = Object.fromEntries(Object.entries(log).filter(([hour]) => expiresMs(hour) > nowMs));
  if (count === 0) return kept;
  const hour = new Date(nowMs).toISOString().slice(0, 13);
  const counts: [number, number, number] = [...(kept[hour] ?? [0, 0, 0])];
  counts[classes.indexOf(added)] = (counts[classes.indexOf(added)] ?? 0) + count;
  return { ...kept, [hour]: counts };
}

/** When the next requests become free again, epoch milliseconds. */
export function nextFreeMs(log: RequestLog, nowMs: number): number {
  const coming = Object.keys(log)
    .map(expiresMs)
    .filter((timeMs) => timeMs > nowMs);
  return coming.length === 0 ? nowMs : Math.min(...coming);
}

/** When a backfill that was granted nothing asks again, epoch milliseconds. */
export function backfillRetryMs(input: BudgetInput): number {
  const freeMs = nextFreeMs(input.log, input.nowMs);
  // only other settings help: each question costs a run of both workflows some of its history
  return backfillShare(input) > 0 ? freeMs : Math.max(freeMs, input.nowMs + hourMs);
}

interface Pace {
  readonly every: number;
  readonly window: number;
  readonly settle: readonly number[];
}

/** Live windows, which end with their hour, and each hour once more for each settle pass. */
export function steadyPace({ every, window, settle }: Pace): Pick<BudgetInput, 'steadyPerDay' | 'settlePerDay'> {
  const settlePerDay = settle.length * 24 * windowsPerHour(window);
  return { settlePerDay, steadyPerDay: 24 * windowsPerHour(Math.min(every, window)) + settlePerDay };
}

/** What a day takes with windows as long as they can be: a source that is behind reads such. */
export function leastRequestsPerDay({ window, settle }: Pick<Pace, 'window' | 'settle'>): number {
  return (1 + settle.length) * 24 * windowsPerHour(window);
}

/** More than this no source keeps up with. */
export const leastRequestsPerDayMax = requestsPerDay - liveReserve;

function windowsPerHour(windowSeconds: number): number {
  return Math.ceil(3600 / windowSeconds);
}

function expiresMs(hour: string): number {
  return Date.parse(`${hour}:00:00Z`) + hourMs + dayMs;
}
