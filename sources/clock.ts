/** The time that sources go by. Pure; workflow code may import it. Time passes in one place, so that a test can make days pass in minutes. */

/** Epoch milliseconds. */
export function nowMs(): number {
  return Date.now();
}

/** How long a timer must run for that much time to pass, milliseconds. */
export function timerMs(spanMs: number): number {
  return spanMs;
}
