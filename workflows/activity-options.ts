/** How long activities may take and how often they are tried before the workflow decides. */
import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

/** Tries before the workflow decides. */
export const attemptsMax = 5;

const retry = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
  maximumAttempts: attemptsMax,
} as const;

/** A worker that died is noticed after this long. */
const heartbeatTimeout = '20s';

/** Short calls to the vendor or the store. */
export const { listObjects, recordGap, checkSource, fingerprintSecrets } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  heartbeatTimeout,
  retry,
});

/** A prefix may have millions of keys. */
export const { countObjects } = proxyActivities<Activities>({ startToCloseTimeout: '6h', heartbeatTimeout, retry });

/** The vendor answers a whole hour of events in one body. */
export const { fetchTapWindow } = proxyActivities<Activities>({
  startToCloseTimeout: '15m',
  heartbeatTimeout,
  retry,
});

/** An object may have gigabytes. */
export const { loadBatch, loadObjects, drainQueue } = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout,
  retry,
});

/** Nobody waits for these, and each step can be done again: they outlast an outage of a quarter of an hour. */
export const { listBatches, reprocessBatch, replayLetters, mergeableTables, mergeFiles, removeUnneeded } =
  proxyActivities<Activities>({
    startToCloseTimeout: '6h',
    heartbeatTimeout,
    retry: { ...retry, maximumInterval: '2m', maximumAttempts: 14 },
  });
