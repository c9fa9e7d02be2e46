/** Counts what a backfill of an S3 source would read, where the access is: on a worker. */
import type { CountObjectsInput, ObjectCount } from '../activities/contracts.ts';
import { countObjects as count } from './activity-options.ts';

export async function countObjects(input: CountObjectsInput): Promise<ObjectCount> {
  return count.executeWithOptions({ summary: `${input.tenantId}/${input.sourceId}` }, [input]);
}
