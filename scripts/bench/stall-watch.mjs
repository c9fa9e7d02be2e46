/**
 * Loaded into a worker by `--import`, and so into each of its threads: appends to STALL_FILE how long the thread's event loop did not turn, where that
 * was a tenth of a second or more, and how long of it the thread stood ready without a core. Both in milliseconds, a line each time.
 */
import { appendFileSync, readFileSync } from 'node:fs';

const everyMs = 10;
const toldFromMs = 100;

/** Nanoseconds that this thread has been ready without running: https://docs.kernel.org/scheduler/sched-stats.html */
const waited = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]);

const file = process.env['STALL_FILE'];
if (file !== undefined) {
  let seen = { atMs: performance.now(), waited: waited() };
  setInterval(() => {
    const now = { atMs: performance.now(), waited: waited() };
    const stallMs = now.atMs - seen.atMs - everyMs;
    if (stallMs >= toldFromMs) appendFileSync(file, `${stallMs} ${(now.waited - seen.waited) / 1e6}\n`);
    seen = now;
  }, everyMs).unref();
}
