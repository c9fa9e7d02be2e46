/** A line that shows how far the work is: live on a terminal, now and then in a log. */

const logEveryMs = 5000;

export interface Progress {
  show(done: number, total: number, words: string): void;
  /** Leaves the last line standing. */
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let loggedMs = Number.NEGATIVE_INFINITY;
  let shown = '';
  return {
    show(done, total, words) {
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
      shown = `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${done} of ${total} records  ${words}`;
      if (stream.isTTY) {
        stream.write(`\r\u001B[K${shown.slice(0, stream.columns - 1)}`);
      } else if (performance.now() - loggedMs > logEveryMs) {
        loggedMs = performance.now();
        stream.write(`${shown}\n`);
      }
    },
    end() {
      stream.write(stream.isTTY ? '\n' : `${shown}\n`);
    },
  };
}
