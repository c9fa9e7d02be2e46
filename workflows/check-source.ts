/** Tries a source's settings where they will be used: on a worker, with the worker's secrets and network. */
import type { Check, CheckSourceInput } from '../activities/contracts.ts';
import { checkSource as check } from './activity-options.ts';

export async function checkSource(input: CheckSourceInput): Promise<Check[]> {
  return check.executeWithOptions({ summary: `${input.tenantId}/${input.sourceId}` }, [input]);
}
