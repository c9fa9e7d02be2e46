/** The activities, bound to what they work with. Workflow code imports the type alone. */
import { createCheckSource } from './check-source.ts';
import type { Dependencies } from './dependencies.ts';
import { createFetchTapWindow } from './fetch-tap-window.ts';
import { createListObjects } from './list-objects.ts';
import { createLoadBatch } from './load-batch.ts';
import { createRecordGap } from './record-gap.ts';

export function createActivities(dependencies: Dependencies) {
  return {
    fetchTapWindow: createFetchTapWindow(dependencies),
    loadBatch: createLoadBatch(dependencies),
    recordGap: createRecordGap(dependencies),
    listObjects: createListObjects(dependencies),
    checkSource: createCheckSource(dependencies),
  };
}

export type Activities = ReturnType<typeof createActivities>;
