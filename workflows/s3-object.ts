/** One object from its bucket to the lake, for sources and backfills alike. */
import type { Loaded } from '../activities/contracts.ts';
import type { ObjectBatch, SourceName } from '../sources/batch.ts';
import type { S3Settings } from '../sources/settings.ts';
import { loadBatch } from './activity-options.ts';

/** Throws ActivityFailure. */
export function loadObject(name: SourceName, settings: S3Settings, batch: ObjectBatch): Promise<Loaded> {
  return loadBatch.executeWithOptions({ summary: shortened(batch.key) }, [{ ...name, settings, batch }]);
}

/** Temporal takes summaries of up to 200 bytes; keys may have 1,024. */
function shortened(key: string): string {
  return key.length <= 60 ? key : `…${key.slice(-59)}`;
}
