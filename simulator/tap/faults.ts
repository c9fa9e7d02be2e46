/** Bad manners of a TAP API: which fault, if any, the next request meets. */
import type { Random } from '../random.ts';

const faultKinds = [
  /** 429 although the budget is not used up. */
  'throttled',
  /** 500. */
  'server_error',
  /** 502 with an HTML page of a proxy. */
  'bad_gateway',
  /** No answer at all. */
  'hang',
  /** Connection reset in the middle of the body. */
  'reset',
  /** 200 whose JSON stops in the middle, the transfer itself well ended. */
  'truncated',
  /** 200 that closes before Content-Length is reached. */
  'cut',
  /** 200 with an HTML page. */
  'wrong_type',
  /** A good body with a pause of `slowMs` in its middle. */
  'slow',
  /** The key `"messagesDelivered:"`. */
  'colon_key',
  /** No queryEndTime. */
  'no_query_end_time',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface Faults {
  /** One entry for each coming request that would have been answered well; `none` is a good answer. Comes before `rates`. */
  readonly script?: readonly (FaultKind | 'none')[];
  /** Probability of each fault, 0 to 1. */
  readonly rates?: Readonly<Partial<Record<FaultKind, number>>>;
}

/** Gives the fault of each next request. */
export function faultPlan(faults: Faults, random: Random): () => FaultKind | undefined {
  const script = [...(faults.script ?? [])];
  return () => {
    const scripted = script.shift();
    if (scripted !== undefined) return scripted === 'none' ? undefined : scripted;
    return faultKinds.find((kind) => random.chance(faults.rates?.[kind] ?? 0));
  };
}
