/** Parses what a source brought again, batch by batch, with the parsers of today. A batch that fails stays as it was and is reported. */
import { continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import { batchId, type Batch } from '../sources/batch.ts';
import { listBatches, reprocessBatch } from './activity-options.ts';
import { activityFailure } from './failure.ts';
import { mapSettled } from './map-settled.ts';
import { reprocessStatusQuery } from './messages.ts';
import {
  nothingReprocessed,
  type ReprocessInput,
  reprocessPage,
  type ReprocessStatus,
  withFailed,
  withReplaced,
} from './repair-state.ts';

const batchesPerPage = 100;
/** A run with more batches than this has a history worth leaving behind. */
const batchesPerRunMax = 300;
/** Behind live loads: few at once. */
const batchesAtOnceMax = 4;

export async function reprocessSource(input: ReprocessInput): Promise<ReprocessStatus> {
  const { tenantId, sourceId, settings, from, to, dryRun } = input;
  const name = { tenantId, sourceId };
  let status = input.status ?? nothingReprocessed;
  let after = input.after ?? '';
  let batchesDone = 0;
  setHandler(reprocessStatusQuery, () => status, { description: 'Batches, rows and letters so far, and what failed.' });

  async function reprocess(batch: Batch): Promise<void> {
    const id = batchId(name, batch);
    try {
      const summary = id.length <= 60 ? id : `…${id.slice(-59)}`;
      const replaced = await reprocessBatch.executeWithOptions({ summary }, [{ ...name, settings, batch, dryRun }]);
      status = withReplaced(status, replaced);
    } catch (error) {
      const failure = activityFailure(error);
      if (failure === undefined) throw error;
      status = withFailed(status, { batchId: id, code: failure.code, message: failure.message });
    }
    setCurrentDetails(reprocessPage(status, { dryRun }));
  }

  for (;;) {
    const listed = await listBatches.executeWithOptions({ summary: `${from} to ${to}` }, [
      { ...name, from, to, after, limit: batchesPerPage },
    ]);
    const outcomes = await mapSettled(listed.batches, batchesAtOnceMax, reprocess);
    const stopped = outcomes.find((outcome) => outcome.status === 'rejected');
    if (stopped !== undefined) throw stopped.reason;
    const last = listed.batches.at(-1);
    if (last !== undefined) after = batchId(name, last);
    if (!listed.more) {
      status = { ...status, done: true };
      return status;
    }
    batchesDone += listed.batches.length;
    if (batchesDone >= batchesPerRunMax || workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof reprocessSource>({ ...input, status, after });
  }
}
