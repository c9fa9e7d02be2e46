import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { addressOf, supervise } from '../../workers/supervisor.ts';

/** Lives until it is told to stop. */
const living = 'setInterval(() => {}, 1000); process.on("SIGTERM", () => process.exit(0));';

function isAlive({ pid = 0 }: ChildProcess): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error('it did not come to that');
    await sleep(50);
  }
}

describe('supervise', () => {
  it('starts a process that died again, beside the others, and stops all of them', async () => {
    const stopping = new AbortController();
    const started: { index: number; child: ChildProcess }[] = [];
    const deaths: { index: number; how: string }[] = [];
    const running = supervise({
      processes: 3,
      stopping: stopping.signal,
      start(index) {
        const child = spawn(process.execPath, ['-e', living], { stdio: 'ignore' });
        started.push({ index, child });
        return child;
      },
      onDeath: ({ index, how }) => deaths.push({ index, how }),
    });
    await until(() => started.length === 3);
    await sleep(500);
    started[1]?.child.kill('SIGKILL');
    await until(() => started.length === 4);
    expect(deaths).toEqual([{ index: 1, how: 'SIGKILL' }]);
    expect(started.map(({ index }) => index)).toEqual([0, 1, 2, 1]);
    await sleep(500);
    expect(started.map(({ child }) => isAlive(child))).toEqual([true, false, true, true]);
    stopping.abort();
    await running;
    expect(started.some(({ child }) => isAlive(child))).toBe(false);
    expect(deaths).toHaveLength(1);
  });

  it('starts one that cannot live ever more rarely, and stops while it waits', async () => {
    const stopping = new AbortController();
    const waits: number[] = [];
    const running = supervise({
      processes: 1,
      stopping: stopping.signal,
      start: () => spawn(process.execPath, ['-e', 'process.exit(3)'], { stdio: 'ignore' }),
      onDeath: ({ how, restartSeconds }) => {
        expect(how).toBe('exit code 3');
        waits.push(restartSeconds);
        if (waits.length === 2) stopping.abort();
      },
    });
    await running;
    expect(waits).toEqual([2, 4]);
  });
});

describe('addressOf', () => {
  it('counts ports up', () => {
    expect(addressOf('0.0.0.0:9464', 0)).toBe('0.0.0.0:9464');
    expect(addressOf('metrics.internal:9464', 3)).toBe('metrics.internal:9467');
  });
});
