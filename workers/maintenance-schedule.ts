/** The schedule by which the lake is maintained: it is there, as configured, whenever a worker starts. */
import { isDeepStrictEqual } from 'node:util';
import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Logger } from '@temporalio/common';
import type { RemoveUnneededInput } from '../activities/contracts.ts';
import type { Config } from './config.ts';

/** As live reads, and in turn with their tenants: behind a backlog it would wait where it is needed most. */
const priority = { priorityKey: 2, fairnessKey: 'lake-maintenance' };

/** One for each task queue: its workers have one lake. */
export const maintenanceScheduleId = (taskQueue: string): string => `lake-maintenance-${taskQueue}`;

/** Says so where it fails, and no more: logs come in all the same. */
export async function scheduleMaintenance(client: Client, config: Config, logger: Pick<Logger, 'warn'>): Promise<void> {
  try {
    await ensureMaintenance(client, config);
  } catch (error) {
    const message = 'the lake is not maintained: its schedule could not be made; run "ppi lake maintain" once a day';
    logger.warn(message, { error: String(error) });
  }
}

/** Idempotent, and safe when many workers start at once. A schedule that is paused stays so. Throws what Temporal throws. */
export async function ensureMaintenance(client: Client, { temporal, maintenance }: Config): Promise<void> {
  const { everySeconds, keepSeconds } = maintenance;
  const scheduleId = maintenanceScheduleId(temporal.taskQueue);
  const handle = client.schedule.getHandle(scheduleId);
  if (everySeconds === undefined) return handle.delete().catch(unlessMissing);
  const spec = { intervals: [{ every: everySeconds * 1000 }] };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: 'lakeMaintenance',
    workflowId: scheduleId,
    taskQueue: temporal.taskQueue,
    args: [{ keepSeconds } satisfies RemoveUnneededInput],
    priority,
  };
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10m' } as const;
  try {
    await client.schedule.create({ scheduleId, spec, action, policies });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const known = await handle.describe();
    const isAsConfigured =
      known.spec.intervals?.[0]?.every === spec.intervals[0]?.every &&
      isDeepStrictEqual(known.action.args, action.args);
    if (!isAsConfigured) await handle.update((before) => ({ ...before, spec, action }));
  }
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof ScheduleNotFoundError)) throw error;
}
