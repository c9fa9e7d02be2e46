/** A backfill of an S3 source: the objects of a time, by key or upload; those in the ledger cost a look. */
import { continueAsNew } from '@temporalio/workflow';
import { listObjects } from './activity-options.ts';
import { setUpBackfill } from './backfill-loop.ts';
import type { BackfillStatus, S3BackfillInput } from './backfill-state.ts';
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
    const page = await listObjects.executeWithOptions({ summary }, [
      {
        ...name,
        settings,
        listsMax: listsPerPageMax,
        range: { from, to, by },
        ...(after === '' ? {} : { startAfter: after }),
      },
    ]);
    backfill.addKnown(page.seen - page.objects.length);
    const { loaded, failed } = await loadInGroups(name, settings, page.objects);
    for (const group of loaded) {
      backfill.addDone(group, 0);
      backfill.addKnown(group.gone);
    }
    for (const { key, code, message } of failed) backfill.addFailed({ unit: key, code, message }, 0);
    if (!page.more) break;
    backfill.moveTo(page.lastKey ?? after);
    if (backfill.isRunLong()) await continueAsNew<typeof s3Backfill>({ ...input, progress: backfill.progress() });
  }
  backfill.show('done');
  return backfill.status();
}
