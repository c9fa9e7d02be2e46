/** A line that shows how far the work is: live on a terminal, now and then in a log. */

const logEveryMs = 5000;

export interface Progress {
  /** `total` undefined: nobody knows how much there is. */
  show(done: number, total: number | undefined, words: string): void;
  /** Leaves the last line standing. */
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let loggedMs = Number.NEGATIVE_INFINITY;
  let shown = '';
  return {
    show(done, total, words) {
      shown = total === undefined ? `${done} ${words}` : `${bar(done, total)}  ${done} of ${total} ${words}`;
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

function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  return `${'█'.repeat(Math.round(share * 30)).padEnd(30, '░')} ${String(Math.floor(share * 100)).padStart(3)} %`;
}
