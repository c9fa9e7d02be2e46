/** What a TAP source carries besides its cursor. Pure. */
import type { Landed, Loaded } from '../activities/contracts.ts';
import { isoSeconds } from '../sources/batch.ts';
import type { TapSettings } from '../sources/settings.ts';
import { type RequestClass, type RequestLog, withRequests } from '../sources/tap/budget.ts';
import { settledByRead, settlePass } from '../sources/tap/settle.ts';

/** What a settle pass found that the reads before it had missed. */
export interface LateFinds {
  readonly windows: number;
  readonly rowsAdded: number;
}

export interface TapDetail {
  /** Pass to the ISO time up to which it is done. */
  readonly settled: Readonly<Record<string, string>>;
  readonly late: Readonly<Record<string, LateFinds>>;
  readonly requests: RequestLog;
  /** Vendor's clock minus ours, seconds; absent until it has answered once. */
  readonly clockSkewSeconds?: number;
  /** A window from request to lake, seconds, as a running mean. */
  readonly windowSeconds?: number;
}

export const newTapDetail: TapDetail = { settled: {}, late: {}, requests: {} };

/** Where each settle pass stands; one that settings added begins at `from`. */
export function settledMs({ settled }: TapDetail, ageSeconds: number, fromMs: number): number {
  const done = settled[settlePass(ageSeconds)];
  return done === undefined ? fromMs : Date.parse(done);
}

export function withSettled(detail: TapDetail, pass: string, toMs: number): TapDetail {
  return { ...detail, settled: { ...detail.settled, [pass]: isoSeconds(toMs) } };
}

/** After live windows up to `toMs`: passes for which they were old enough have moved along. */
export function afterLiveReads(
  detail: TapDetail,
  settings: TapSettings,
  startedMs: number,
  windows: readonly { readonly fromMs: number; readonly toMs: number; readonly atMs: number }[],
): TapDetail {
  let moved = detail;
  for (const ageSeconds of settings.settle) {
    let doneMs = settledMs(detail, ageSeconds, startedMs);
    for (const window of windows) doneMs = settledByRead(doneMs, window, ageSeconds);
    moved = withSettled(moved, settlePass(ageSeconds), doneMs);
  }
  return moved;
}

export function withLateFinds(detail: TapDetail, pass: string, loaded: Loaded): TapDetail {
  const { windows, rowsAdded } = detail.late[pass] ?? { windows: 0, rowsAdded: 0 };
  return {
    ...detail,
    late: { ...detail.late, [pass]: { windows: windows + 1, rowsAdded: rowsAdded + loaded.rowsAdded } },
  };
}

export function withCountedRequests(detail: TapDetail, each: RequestClass, count: number, timeMs: number): TapDetail {
  return { ...detail, requests: withRequests(detail.requests, each, count, timeMs) };
}

/**
 * With no pass further than the cursor: an hour settles after its live read, so only a cursor that was set back is behind one, and what was late the
 * first time is late again where the lake has lost it. The same object where none is.
 */
export function withSettledUpTo(
  detail: TapDetail,
  ages: readonly number[],
  startedMs: number,
  cursorMs: number,
): TapDetail {
  const passes = new Set([...Object.keys(detail.settled), ...ages.map(settlePass)]);
  let moved = detail;
  for (const pass of passes) {
    const done = detail.settled[pass];
    if ((done === undefined ? startedMs : Date.parse(done)) > cursorMs) moved = withSettled(moved, pass, cursorMs);
  }
  return moved;
}

/** What an answer tells of the vendor's clock and of our own speed. */
export function withMeasures(
  detail: TapDetail,
  { clockSkewSeconds }: Pick<Landed, 'clockSkewSeconds'>,
  tookSeconds: number,
): TapDetail {
  const mean = detail.windowSeconds ?? tookSeconds;
  return {
    ...detail,
    ...(clockSkewSeconds === undefined ? {} : { clockSkewSeconds }),
    windowSeconds: Math.round((mean * 0.8 + tookSeconds * 0.2) * 100) / 100,
  };
}
