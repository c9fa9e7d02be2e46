/** A backfill of an S3 source: the objects of a time, by key or upload; those in the ledger cost a look. */
import { continueAsNew } from '@temporalio/workflow';
import { listObjects } from './activity-options.ts';
import { setUpBackfill } from './backfill-loop.ts';
import type { BackfillStatus, FailedUnit, S3BackfillInput } from './backfill-state.ts';
import { activityFailure, type Failure, isPassing } from './failure.ts';
import { loadInGroups } from './s3-objects.ts';

const listsPerPageMax = 100;

export async function s3Backfill(input: S3BackfillInput): Promise<BackfillStatus> {
  const { tenantId, sourceId, settings, from, to, by } = input;
  const name = { tenantId, sourceId };
  const backfill = setUpBackfill(input);
  const summary = `list s3://${settings.bucket}/${settings.prefix}`.slice(0, 100);
  for (;;) {
    await backfill.whileAllowed();
    const after = backfill.progress().next;
    const list = () =>
      listObjects
        .executeWithOptions({ summary }, [
          {
            ...name,
            settings,
            listsMax: listsPerPageMax,
            range: { from, to, by },
            ...(after === '' ? {} : { startAfter: after }),
          },
        ])
        .then(
          (page) => ({ page, error: undefined }),
          (error: unknown) => ({ page: undefined, error }),
        );
    const { page, error } = await backfill.outlast(list, (outcome) => activityFailure(outcome.error));
    if (page === undefined) {
      const failure = activityFailure(error);
      // a backfill that has failed still tells why
      if (failure !== undefined) backfill.addFailed([toUnit(summary, failure)], 0);
      throw error;
    }
    backfill.addKnown(page.seen - page.objects.length);
    // those that a try before has loaded stand in the ledger, and are told of again
    const { loaded, failed, failedCount } = await backfill.outlast(
      () => loadInGroups(name, settings, page.objects),
      (outcome) => outcome.failed.find(isPassing),
    );
    for (const group of loaded) {
      backfill.addDone(group, 0);
      backfill.addKnown(group.gone);
    }
    const units = failed.map((each) => toUnit(each.key, each));
    backfill.addFailed(units, 0, failedCount);
    if (!page.more) break;
    backfill.moveTo(page.lastKey ?? after);
    if (backfill.isRunLong()) await continueAsNew<typeof s3Backfill>({ ...input, progress: backfill.progress() });
  }
  backfill.show('done');
  return backfill.status();
}

function toUnit(unit: string, { code, message }: Failure): FailedUnit {
  return { unit, code, message };
}
