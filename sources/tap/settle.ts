/**
 * Settle: each closed hour is read again, because the vendor indexes events up to half an hour after they were created, and the first
 * read cannot have those (https://github.com/demisto/content/pull/43366). Pure; workflow code imports it.
 */
import type { TapBatch } from '../batch.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import { horizonMs } from './plan.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export interface SettleInput {
  /** Everything before this has settled for this pass. */
  readonly settledMs: number;
  /** Live cursor: an hour is settled after it was read, not instead. */
  readonly liveMs: number;
  /** How old the end of an hour must be. */
  readonly ageSeconds: number;
  readonly nowMs: number;
  readonly windowSeconds: number;
}

/** `skip`: what lies before `toMs` is older than the vendor keeps and stays as it was read. */
export type SettlePlan =
  | { readonly do: 'read'; readonly fromMs: number; readonly toMs: number }
  | { readonly do: 'skip'; readonly toMs: number }
  | { readonly do: 'wait'; readonly untilMs: number };

/** The next step of one settle pass. Windows are like those of live reads: within one UTC hour, without hole or overlap. */
export function planSettle({ settledMs, liveMs, ageSeconds, nowMs, windowSeconds }: SettleInput): SettlePlan {
  const hourEndMs = floorToHour(settledMs) + hourMs;
  const dueMs = hourEndMs + ageSeconds * 1000;
  if (nowMs < dueMs) return { do: 'wait', untilMs: dueMs };
  if (liveMs < hourEndMs) return { do: 'wait', untilMs: nowMs + minuteMs };
  const oldestMs = nowMs - horizonMs;
  if (settledMs < oldestMs) return { do: 'skip', toMs: Math.min(liveMs, Math.ceil(oldestMs / minuteMs) * minuteMs) };
  return { do: 'read', fromMs: settledMs, toMs: Math.min(settledMs + windowSeconds * 1000, hourEndMs) };
}

/** Where a pass stands after a window was read for the first time: a window that was old enough by then has settled with it. */
export function settledByRead(
  settledMs: number,
  read: { readonly fromMs: number; readonly toMs: number; readonly atMs: number },
  ageSeconds: number,
): number {
  const isNext = read.fromMs <= settledMs && settledMs < read.toMs;
  return isNext && read.atMs >= read.toMs + ageSeconds * 1000 ? read.toMs : settledMs;
}

const [settle, backfill] = ['settle-', 'backfill-'] as const;

/** Name of a pass in batch ids, coverage and statistics: `settle-35m`. */
export function settlePass(ageSeconds: number): `settle-${string}` {
  return `${settle}${formatDuration(ageSeconds)}`;
}

/** Each backfill is a pass of its own. `startedAt`: ISO time. */
export function backfillPass(startedAt: string): `backfill-${string}` {
  return `${backfill}${startedAt}`;
}

/** The vendor was not asked for the window before this time, epoch ms: it was over, as old as its pass wants it, and the backfill had begun. */
export function askedSinceMs({ to, pass }: TapBatch): number {
  const toMs = Date.parse(to);
  if (pass.startsWith(settle)) return toMs + (parseDuration(pass.slice(settle.length)) ?? 0) * 1000;
  return pass.startsWith(backfill) ? Math.max(toMs, Date.parse(pass.slice(backfill.length))) : toMs;
}

function floorToHour(timeMs: number): number {
  return Math.floor(timeMs / hourMs) * hourMs;
}
