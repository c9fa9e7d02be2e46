/** The rolling 24-hour throttle: a request is allowed while fewer than the limit were allowed in the 24 hours before it. */
import { dayMs } from '../world.ts';

export interface Throttle {
  /** Counts the request and says whether it is within the limit; a refused one does not count. */
  allow(nowMs: number): boolean;
  /** Seconds until the oldest counted request is 24 hours old. */
  waitSeconds(nowMs: number): number;
}

export function rollingThrottle(requestsPerDay: number): Throttle {
  let counted: number[] = [];
  return {
    allow: (nowMs) => {
      counted = counted.filter((timeMs) => timeMs > nowMs - dayMs);
      if (counted.length >= requestsPerDay) return false;
      counted.push(nowMs);
      return true;
    },
    waitSeconds: (nowMs) => Math.max(0, Math.ceil(((counted[0] ?? nowMs - dayMs) + dayMs - nowMs) / 1000)),
  };
}
