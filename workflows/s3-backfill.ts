/** A backfill of an S3 source: the objects of a time, by key or upload; those in the ledger cost a look. */
import { continueAsNew } from '@temporalio/workflow';
import { listObjects } from './activity-options.ts';
import { setUpBackfill } from './backfill-loop.ts';
import type { BackfillStatus, S3BackfillInput } from './backfill-state.ts';
import { activityFailure } from './failure.ts';
import { mapSettled } from './map-settled.ts';
import { loadObject } from './s3-object.ts';

const objectsPerPageMax = 100;
const objectsAtOnceMax = 8;

export async function s3Backfill(input: S3BackfillInput): Promise<BackfillStatus> {
  const { tenantId, sourceId, settings, from, to, by } = input;
  const name = { tenantId, sourceId };
  const backfill = setUpBackfill(input);
  for (;;) {
    await backfill.whileAllowed();
    const after = backfill.progress().next;
    const page = await listObjects.executeWithOptions({ summary: `list s3://${settings.bucket}/${settings.prefix}` }, [
      {
        ...name,
        settings,
        limit: objectsPerPageMax,
        range: { from, to, by },
        ...(after === '' ? {} : { startAfter: after }),
      },
    ]);
    const outcomes = await mapSettled(page.objects, objectsAtOnceMax, (object) => loadObject(name, settings, object));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') {
        backfill.addDone(outcome.value, 0);
        continue;
      }
      const failure = activityFailure(outcome.reason);
      if (failure === undefined) throw outcome.reason;
      backfill.addFailed({ unit: page.objects[index]?.key ?? '', code: failure.code, message: failure.message }, 0);
    }
    if (!page.more) break;
    backfill.moveTo(page.lastKey ?? after);
    if (backfill.isRunLong()) await continueAsNew<typeof s3Backfill>({ ...input, progress: backfill.progress() });
  }
  backfill.show('done');
  return backfill.status();
}
