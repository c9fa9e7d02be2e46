/** Several workers on one machine, each a process of its own: started, started again when one dies, and stopped together. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Supervise {
  readonly processes: number;
  /** Starts one; `index` from 0. With an IPC channel, so that it hears of our death. */
  readonly start: (index: number) => ChildProcess;
  /** Told of each process that ended unasked. */
  readonly onDeath: (death: { index: number; pid: number | undefined; how: string; restartSeconds: number }) => void;
  /** Aborts to stop: every process gets SIGTERM, and is waited for. */
  readonly stopping: AbortSignal;
}

/** A process that dies at once is started again ever more rarely; one that has lived so long, at once. */
const livedLongMs = 60_000;
const restartSecondsMax = 30;

/** Runs until `stopping` aborts and the last process has ended. */
export async function supervise({ processes, start, onDeath, stopping }: Supervise): Promise<void> {
  await Promise.all(Array.from({ length: processes }, (_, index) => keepAlive(index)));

  async function keepAlive(index: number): Promise<void> {
    let restartSeconds = 1;
    while (!stopping.aborted) {
      const startedMs = performance.now();
      const child = start(index);
      const how = await ended(child);
      if (stopping.aborted) return;
      restartSeconds =
        performance.now() - startedMs > livedLongMs ? 1 : Math.min(restartSecondsMax, restartSeconds * 2);
      onDeath({ index, pid: child.pid, how, restartSeconds });
      await sleep(restartSeconds * 1000, undefined, { signal: stopping }).catch(() => undefined);
    }
  }

  async function ended(child: ChildProcess): Promise<string> {
    const stop = () => child.kill('SIGTERM');
    stopping.addEventListener('abort', stop, { once: true });
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      return signal ?? `exit code ${code}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      stopping.removeEventListener('abort', stop);
    }
  }
}

/** The address of one of several processes: the port goes up with the index. */
export function addressOf(address: string, index: number): string {
  const [host = '', port = ''] = address.split(/:(?=\d+$)/);
  return `${host}:${Number(port) + index}`;
}
