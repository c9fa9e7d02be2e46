import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { virtualClock } from '../../simulator/clock.ts';

it('stands still until it is moved', async () => {
  const clock = virtualClock(1000);
  await sleep(5);
  expect(clock.nowMs()).toBe(1000);
  clock.advance(500);
  expect(clock.nowMs()).toBe(1500);
  clock.moveTo(99);
  expect(clock.nowMs()).toBe(99);
});

it('runs at the speed it is given and keeps its time when the speed changes', async () => {
  const clock = virtualClock(0, 3600);
  await sleep(20);
  expect(clock.nowMs()).toBeGreaterThanOrEqual(18 * 3600);
  clock.runAt(0);
  const stoppedMs = clock.nowMs();
  await sleep(5);
  expect(clock.nowMs()).toBe(stoppedMs);
});
