/** How long activities may take and how often they are tried before the workflow decides. */
import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 5 } as const;

/** A worker that died is noticed after this long. */
const heartbeatTimeout = '20s';

/** Short calls to the vendor or the store. */
export const { listObjects, recordGap, checkSource } = proxyActivities<Activities>({
  startToCloseTimeout: '2m',
  heartbeatTimeout,
  retry,
});

/** The vendor answers a whole hour of events in one body. */
export const { fetchTapWindow } = proxyActivities<Activities>({
  startToCloseTimeout: '15m',
  heartbeatTimeout,
  retry,
});

/** An object may have gigabytes. */
export const { loadBatch } = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout,
  retry,
});
