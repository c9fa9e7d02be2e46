/** Loaded into a worker by `--import`: writes into STALL_FILE the longest time, in milliseconds, that nothing else could run since it was up. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env['STALL_FILE'];
if (file !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  let longestMs = 0;
  // the first seconds belong to loading the program
  setTimeout(() => {
    delays.enable();
    setInterval(() => {
      if (delays.max / 1e6 <= longestMs) return;
      longestMs = delays.max / 1e6;
      writeFileSync(file, String(longestMs));
    }, 500).unref();
  }, 3000).unref();
}
