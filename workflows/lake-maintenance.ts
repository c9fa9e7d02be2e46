/** Keeps the lake quick, step by step; a schedule starts it (workers/maintenance-schedule.ts). */
import { isCancellation, setCurrentDetails } from '@temporalio/workflow';
import type { RemoveUnneededInput } from '../activities/contracts.ts';
import type { Maintained } from '../lake/maintenance.ts';
import type { MergedTable } from '../lake/merging.ts';
import { mergeableTables, mergeFiles, removeUnneeded } from './activity-options.ts';
import { maintenancePage } from './status-page.ts';

/** Fails at its end where a table's files could not be merged: that is no reason to leave the others. */
export async function lakeMaintenance(input: RemoveUnneededInput): Promise<Maintained> {
  const merged: MergedTable[] = [];
  const failures: unknown[] = [];
  for (const table of await mergeableTables()) {
    try {
      const result = await mergeFiles.executeWithOptions({ summary: table }, [table]);
      if (result.filesAfter < result.filesBefore) merged.push(result);
      setCurrentDetails(maintenancePage(merged));
    } catch (error) {
      if (isCancellation(error)) throw error;
      failures.push(error);
    }
  }
  const removed = await removeUnneeded(input);
  if (failures.length > 0) throw failures[0];
  return { merged, ...removed };
}
