/** The activities, bound to what they work with. Workflow code imports the type alone. */
import { createCheckSource } from './check-source.ts';
import { createCountObjects } from './count-objects.ts';
import type { Dependencies } from './dependencies.ts';
import { createDrainQueue } from './drain-queue.ts';
import { failureInterceptor } from './failures.ts';
import { createFetchTapWindow } from './fetch-tap-window.ts';
import { createFingerprintSecrets } from './fingerprint-secrets.ts';
import { heartbeatInterceptor } from './heartbeat.ts';
import { createListBatches } from './list-batches.ts';
import { createListObjects } from './list-objects.ts';
import { createLoadBatch } from './load-batch.ts';
import { createLoadObjects } from './load-objects.ts';
import { createMaintainLake } from './maintain-lake.ts';
import { createRecordGap } from './record-gap.ts';
import { createReplayLetters } from './replay-letters.ts';
import { createReprocessBatch } from './reprocess-batch.ts';

export function createActivities(dependencies: Dependencies) {
  return {
    fetchTapWindow: createFetchTapWindow(dependencies),
    loadBatch: createLoadBatch(dependencies),
    loadObjects: createLoadObjects(dependencies),
    recordGap: createRecordGap(dependencies),
    fingerprintSecrets: createFingerprintSecrets(dependencies),
    drainQueue: createDrainQueue(dependencies),
    listObjects: createListObjects(dependencies),
    countObjects: createCountObjects(dependencies),
    checkSource: createCheckSource(dependencies),
    listBatches: createListBatches(dependencies),
    reprocessBatch: createReprocessBatch(dependencies),
    replayLetters: createReplayLetters(dependencies),
    ...createMaintainLake(dependencies),
  };
}

/** Around every activity. */
export const activityInterceptors = [heartbeatInterceptor, failureInterceptor].map((inbound) => () => ({ inbound }));

export type Activities = ReturnType<typeof createActivities>;
