/** What time it is for a simulator: the machine's, or one that a test moves. */

export interface Clock {
  /** Milliseconds since 1970 UTC. */
  nowMs(): number;
}

export interface VirtualClock extends Clock {
  moveTo(timeMs: number): void;
  advance(spanMs: number): void;
  /** Simulated seconds per real second, from now on; 0 stands still. */
  runAt(speed: number): void;
}

export const realClock: Clock = { nowMs: () => Date.now() };

/** Starts at the given time and stands still unless a speed is given. */
export function virtualClock(startMs: number, speed = 0): VirtualClock {
  let anchorMs = startMs;
  let anchorRealMs = performance.now();
  let rate = speed;
  const nowMs = () => Math.floor(anchorMs + (performance.now() - anchorRealMs) * rate);
  const moveTo = (timeMs: number) => {
    anchorMs = timeMs;
    anchorRealMs = performance.now();
  };
  return {
    nowMs,
    moveTo,
    advance: (spanMs) => moveTo(nowMs() + spanMs),
    runAt: (next) => {
      moveTo(nowMs());
      rate = next;
    },
  };
}
