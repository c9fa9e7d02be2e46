/** Loaded into a worker by `--import`: appends to STALL_FILE how long nothing else could run, milliseconds, where that was a tenth of a second or more. */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const lookEveryMs = 500;
const toldFromMs = 100;

const file = process.env['STALL_FILE'];
if (file !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  setInterval(() => {
    const stallMs = delays.max / 1e6;
    delays.reset();
    if (stallMs >= toldFromMs) appendFileSync(file, `${stallMs}\n`);
  }, lookEveryMs).unref();
}
