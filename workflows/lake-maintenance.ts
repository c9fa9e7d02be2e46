/** Keeps the lake quick, step by step; a schedule starts it (workers/maintenance-schedule.ts). */
import { setCurrentDetails } from '@temporalio/workflow';
import type { RemoveUnneededInput } from '../activities/contracts.ts';
import type { Maintained, MergedTable } from '../lake/maintenance.ts';
import { mergeableTables, mergeFiles, removeUnneeded } from './activity-options.ts';

export async function lakeMaintenance(input: RemoveUnneededInput): Promise<Maintained> {
  const merged: MergedTable[] = [];
  for (const table of await mergeableTables()) {
    const result = await mergeFiles.executeWithOptions({ summary: table }, [table]);
    if (result.filesAfter < result.filesBefore) merged.push(result);
    setCurrentDetails(maintenancePage(merged));
  }
  return { merged, ...(await removeUnneeded(input)) };
}

function maintenancePage(merged: readonly MergedTable[]): string {
  const rows = merged.map(({ table, filesBefore, filesAfter }) => `| ${table} | ${filesBefore} | ${filesAfter} |`);
  return ['| table | files before | after |', '| --- | --- | --- |', ...rows].join('\n');
}
