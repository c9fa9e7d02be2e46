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
}

/** How many requests of the class may be made now. */
export function requestsLeft(wanted: RequestClass, { log, nowMs, steadyPerDay }: BudgetInput): number {
  const used = usedRequests(log, nowMs);
  const total = used.live + used.settle + used.backfill;
  if (wanted === 'live') return Math.max(0, requestsPerDay - total);
  const left = requestsPerDay - liveReserve - total;
  if (wanted === 'settle') return Math.max(0, left);
  // A new source has used little yet but will need its share all day: a backfill may only have what is beyond that.
  return Math.max(0, Math.min(left, requestsPerDay - liveReserve - steadyPerDay - used.backfill));
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

/** Live windows, and each hour once more for each settle pass. */
export function steadyRequestsPerDay(settings: {
  readonly every: number;
  readonly window: number;
  readonly settle: readonly number[];
}): number {
  return Math.ceil(86_400 / settings.every) + settings.settle.length * 24 * Math.ceil(3600 / settings.window);
}

function expiresMs(hour: string): number {
  return Date.parse(`${hour}:00:00Z`) + hourMs + dayMs;
}
