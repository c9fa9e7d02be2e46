/** What a TAP source does next: a window to read, a time to wait for, or a gap to record. Pure; workflow code imports it. */

import { isoSeconds } from '../batch.ts';
import { resolveStart } from '../duration.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** How far we stay from the vendor's limit: a request waits in queues, and no two clocks are one. */
export const horizonMarginMs = 15 * minuteMs;

/**
 * How far back the vendor answers. It refuses requests older than 7 days with 400, so a request made at the limit would be
 * too old on arrival: https://github.com/elastic/integrations/issues/11461
 */
export const horizonMs = 7 * 24 * hourMs - horizonMarginMs;

export interface TapPlanInput {
  /** Everything before this is read or recorded as a gap. */
  readonly cursorMs: number;
  readonly nowMs: number;
  /** Time between two reads once caught up. Whole minutes, as the next two. */
  readonly everySeconds: number;
  /** Nothing younger than this is read. */
  readonly lagSeconds: number;
  /** Longest window, 60 to 3600. */
  readonly windowSeconds: number;
}

/** Half-open [from, to), in whole UTC minutes. */
export type TapPlan =
  | { readonly do: 'read'; readonly fromMs: number; readonly toMs: number }
  | { readonly do: 'gap'; readonly fromMs: number; readonly toMs: number }
  | { readonly do: 'wait'; readonly untilMs: number };

/** The first whole minute that can still be asked for: where a gap ends, and where what can be filled of one begins. */
export function oldestMinuteMs(nowMs: number): number {
  return Math.ceil((nowMs - horizonMs) / minuteMs) * minuteMs;
}

/**
 * How much of a window is given up that the vendor refuses as too old, though it is within our horizon: what lies a margin behind its beginning may
 * be there yet, and is asked for next.
 */
export function lostUntilMs(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  nowMs: number,
): number {
  return Math.min(toMs, Math.max(fromMs + horizonMarginMs, oldestMinuteMs(nowMs)));
}

/** Why this can be no cursor; undefined where it can. */
export function cursorProblem(cursor: string, nowMs: number): string | undefined {
  const timeMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/.test(cursor) ? Date.parse(cursor) : Number.NaN;
  // a 31st of June is taken for the 1st of July
  if (Number.isNaN(timeMs) || isoSeconds(timeMs) !== cursor)
    return 'the cursor of a TAP source is a UTC time in whole minutes such as 2026-01-31T05:00:00Z';
  return timeMs > nowMs ? 'the cursor must not lie in the future: the source would wait until then' : undefined;
}

/**
 * The next step of a source. Windows follow each other without hole or overlap, are 1 to 60 minutes long and stay within
 * one UTC hour, because a record without a time of its own takes the hour of its window.
 * After `read` and `gap` the cursor moves to `toMs`; after `wait` the next plan is a read.
 */
export function planTapRead(input: TapPlanInput): TapPlan {
  const { nowMs, everySeconds, lagSeconds, windowSeconds } = input;
  const fromMs = floorTo(minuteMs, input.cursorMs);
  if (fromMs < nowMs - horizonMs) return { do: 'gap', fromMs, toMs: oldestMinuteMs(nowMs) };
  const readableMs = floorTo(minuteMs, nowMs - lagSeconds * 1000);
  const fullMs = Math.min(fromMs + windowSeconds * 1000, floorTo(hourMs, fromMs) + hourMs);
  if (readableMs >= fullMs) return { do: 'read', fromMs, toMs: fullMs };
  const untilMs = fromMs + (everySeconds + lagSeconds) * 1000;
  if (nowMs < untilMs) return { do: 'wait', untilMs };
  return { do: 'read', fromMs, toMs: readableMs };
}

/**
 * Cursor of a new source. A span back from now that reaches behind the horizon means "all that there is" and begins at the horizon; a
 * time that lies behind it was asked for by name, and what is missing of it becomes a recorded gap.
 */
export function firstCursorMs(startFrom: string, nowMs: number): number {
  const startMs = floorTo(minuteMs, resolveStart(startFrom, nowMs).getTime());
  if (!startFrom.startsWith('-')) return startMs;
  // a minute on top, so that the first plan, a moment later, is still within it
  return Math.max(startMs, oldestMinuteMs(nowMs) + minuteMs);
}

/** The windows that cover the intervals (ISO times), cut like those of live reads. */
export function windowsOf(
  intervals: readonly { readonly from: string; readonly to: string }[],
  windowSeconds: number,
): { readonly fromMs: number; readonly toMs: number }[] {
  return intervals.flatMap(({ from, to }) => {
    const windows = [];
    const endMs = Date.parse(to);
    for (let fromMs = Date.parse(from); fromMs < endMs;) {
      const toMs = Math.min(endMs, fromMs + windowSeconds * 1000, floorTo(hourMs, fromMs) + hourMs);
      windows.push({ fromMs, toMs });
      fromMs = toMs;
    }
    return windows;
  });
}

function floorTo(unitMs: number, timeMs: number): number {
  return Math.floor(timeMs / unitMs) * unitMs;
}
