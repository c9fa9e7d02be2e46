/** How far the vendor's clock is from ours, told by the `Date` header of an answer. Pure; workflow code imports it. */
import { horizonMarginMs } from './plan.ts';

export interface Exchange {
  /** The `Date` header: whole seconds, cut off. */
  readonly date: string | undefined;
  /** Our clock when the request went out and when the head of its answer was here, epoch ms. */
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** Less is no skew. */
const skewSecondsMin = 3;

/**
 * More says nothing of the vendor's clock: such a header is that of a stale cache, or of one server whose clock is wrong, and a source that went by it
 * would stand still for as long. So far off, a vendor would also refuse what lies within our margin to its horizon, which is made for clocks that differ.
 */
const skewSecondsMax = horizonMarginMs / 1000;

/** Whether a source may go by it. */
export function isBelievableSkew(skewSeconds: number): boolean {
  return Math.abs(skewSeconds) <= skewSecondsMax;
}

/**
 * Vendor's clock minus ours, seconds; undefined where the answer does not tell. The header was made at some time between asking and
 * answer, however long that took, and even where our own clock was set meanwhile: only what lies outside of it is skew.
 */
export function clockSkewSeconds({ date, askedMs, answeredMs }: Exchange): number | undefined {
  const madeMs = Date.parse(date ?? '');
  if (Number.isNaN(madeMs)) return undefined;
  const earliestMs = Math.min(askedMs, answeredMs);
  const latestMs = Math.max(askedMs, answeredMs);
  const behindMs = Math.min(0, madeMs - earliestMs);
  const aheadMs = Math.max(0, madeMs - latestMs);
  const seconds = Math.round((behindMs + aheadMs) / 1000);
  return Math.abs(seconds) < skewSecondsMin ? 0 : seconds;
}
