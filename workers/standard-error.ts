/**
 * Where a worker's log goes. What cannot be written is dropped, because pino's own destination ends the process when its disk is full, or never lets it
 * end: in `flushSync` of https://github.com/pinojs/sonic-boom every error is tried again.
 */
import { writeSync } from 'node:fs';

/** A reader that is slow for the moment is waited for so long, milliseconds, and so often. */
const pauseMs = 10;
const pausesMax = 100;
const still = new Int32Array(new SharedArrayBuffer(4));

/** `write` gives the number of bytes that it took. */
export function lineSink(write: (bytes: Uint8Array) => number = (bytes) => writeSync(2, bytes)) {
  return {
    write(line: string): void {
      let rest: Uint8Array = Buffer.from(line);
      for (let pauses = 0; rest.length > 0 && pauses <= pausesMax;) {
        try {
          rest = rest.subarray(write(rest));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
          pauses += 1;
          Atomics.wait(still, 0, 0, pauseMs);
        }
      }
    },
  };
}
