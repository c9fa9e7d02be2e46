import { describe, expect, it } from 'vitest';
import { breathe } from '../../sources/breathe.ts';

const busyMs = 4;

/** Most pieces of work that ran between two looks of a timer, where so many tasks compute side by side. */
async function mostBetweenLooks(tasks: number, rest: () => Promise<unknown>): Promise<number> {
  let [most, since] = [0, 0];
  const timer = setInterval(() => {
    most = Math.max(most, since);
    since = 0;
  }, 1);
  const work = async () => {
    for (let piece = 0; piece < 3; piece += 1) {
      const untilMs = performance.now() + busyMs;
      while (performance.now() < untilMs);
      since += 1;
      await rest();
    }
  };
  // none begins with the others
  await Promise.all(Array.from({ length: tasks }, async () => rest().then(work)));
  clearInterval(timer);
  return Math.max(most, since);
}

describe('breathe', () => {
  it('lets timers run between the pieces of many tasks', async () => {
    expect(await mostBetweenLooks(30, breathe)).toBeLessThanOrEqual(2);
    expect(await mostBetweenLooks(30, () => new Promise((resolve) => setImmediate(resolve)))).toBeGreaterThan(10);
  });
});
