/** How far the vendor's clock is from ours, told by the `Date` header of an answer. Pure. */

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
