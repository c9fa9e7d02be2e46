/** An S3 source: the objects below a prefix in key order, each loaded once per version. */
import { nowMs } from '../sources/clock.ts';
import type { S3Settings } from '../sources/settings.ts';
import { listObjects } from './activity-options.ts';
import { mapSettled } from './map-settled.ts';
import { loadObject } from './s3-object.ts';
import { runSource, type SourceKindLogic } from './source-loop.ts';
import type { SourceInput } from './source-state.ts';

/** Objects listed for one step: bounds its history and what a failed object holds back. */
const objectsPerStepMax = 100;

/** Objects loaded side by side: enough for one lake commit to take many. */
const objectsAtOnceMax = 8;

export async function s3Source(input: SourceInput & { settings: S3Settings }): Promise<void> {
  await runSource(input, s3Kind);
}

const s3Kind: SourceKindLogic<S3Settings> = {
  start: () => '',
  cursorProblem: () => undefined,
  async step(access) {
    const { name } = access;
    const settings = access.settings();
    const { cursor } = access.state();
    const summary = `list s3://${settings.bucket}/${settings.prefix}`;
    const listed = await listObjects.executeWithOptions({ summary }, [
      { ...name, settings, limit: objectsPerStepMax, ...(cursor === '' ? {} : { startAfter: cursor }) },
    ]);
    const outcomes = await mapSettled(listed.objects, objectsAtOnceMax, (object) => loadObject(name, settings, object));
    const loaded = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    // A page is passed as a whole: its other objects stand in the ledger and cost a look when it is listed again.
    if (failed !== undefined) return { cursor, loaded, failed: failed.reason };
    const reached = { cursor: listed.lastKey ?? cursor, loaded };
    if (listed.more) return reached;
    return { ...reached, watermark: listed.listedAt, nextAtMs: nowMs() + settings.every * 1000 };
  },
};
