/** What can be said to a source workflow and asked of it. */
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { QueueRoutes } from '../activities/contracts.ts';
import type { QueueSettings } from '../sources/s3/queue-routes.ts';
import type { SourceSettings } from '../sources/settings.ts';
import type { BackfillStatus } from './backfill-state.ts';
import type { QueueStatus, RoutePause } from './queue-state.ts';
import type { ReplayStatus, ReprocessStatus } from './repair-state.ts';
import type { SourceStatus } from './source-state.ts';

export const statusQuery = defineQuery<SourceStatus>('status');

/** Stops reading after the step under way, until `resume`. */
export const pauseUpdate = defineUpdate<SourceStatus, [{ reason: string }]>('pause');
/** Ends a pause or a block and reads at once. */
export const resumeUpdate = defineUpdate<SourceStatus>('resume');
/** Reads at once, answers when that step is done. */
export const pollNowUpdate = defineUpdate<SourceStatus>('pollNow');
/** Takes new settings; the cursor stays. */
export const reconfigureUpdate = defineUpdate<SourceStatus, [{ settings: SourceSettings }]>('reconfigure');
/** Moves the cursor: a time for TAP, a key for S3. What is read again adds nothing twice. */
export const setCursorUpdate = defineUpdate<SourceStatus, [{ cursor: string }]>('setCursor');

/** A backfill asks its source for requests to the vendor, and is answered with `budgetGranted`. */
export const requestBudgetSignal = defineSignal<[{ workflowId: string; wanted: number }]>('requestBudget');
/** So many requests may be made; none: ask again at `retryAt`. */
export const budgetGrantedSignal = defineSignal<[{ granted: number; retryAt: string }]>('budgetGranted');

export const backfillStatusQuery = defineQuery<BackfillStatus>('status');
/** Finishes what is under way, then waits for `resume`. */
export const pauseBackfillUpdate = defineUpdate<BackfillStatus>('pause');
export const resumeBackfillUpdate = defineUpdate<BackfillStatus>('resume');

export const replayStatusQuery = defineQuery<ReplayStatus>('status');
export const reprocessStatusQuery = defineQuery<ReprocessStatus>('status');

export const queueStatusQuery = defineQuery<QueueStatus>('status');
/** What the queue's activities go by; the routes are left out where the asker has those of that version. */
export const queueRoutesQuery = defineQuery<QueueRoutes, [known?: number]>('routes');
/** Receives nothing more until `resume`. */
export const pauseQueueUpdate = defineUpdate<QueueStatus, [{ reason: string }]>('pause');
export const resumeQueueUpdate = defineUpdate<QueueStatus>('resume');
/** Takes new routes and settings. */
export const reconfigureQueueUpdate = defineUpdate<QueueStatus, [{ settings: QueueSettings }]>('reconfigure');
/** Loads no objects of a source, or loads them again. */
export const pauseRouteUpdate = defineUpdate<QueueStatus, [RoutePause]>('pauseRoute');
