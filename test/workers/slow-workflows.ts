/** Workflows for tests of a worker. */
import { proxyActivities } from '@temporalio/workflow';

/** The process stands still in the midst of it; in a callback of a promise, as most of a workflow runs. */
export async function standStill(ms: number): Promise<string> {
  await Promise.resolve();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return 'went on';
}

const { stay } = proxyActivities<{ stay(ms: number): Promise<string> }>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: '1s',
  retry: { maximumAttempts: 1 },
});

/** Waits for an activity that says nothing until it is through. */
export const waitFor = (ms: number): Promise<string> => stay(ms);
