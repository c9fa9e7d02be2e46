/** Workflow code: sources that stand in a given state and say so, backfills that do too, end where they are done or say nothing, counts without end. */
import { condition, setHandler } from '@temporalio/workflow';
import type { BackfillStatus } from '../../workflows/backfill-state.ts';
import { backfillStatusQuery, statusQuery } from '../../workflows/messages.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';

export async function tapSource(status: SourceStatus): Promise<void> {
  setHandler(statusQuery, () => status);
  await condition(() => false);
}

export async function tapBackfill(status?: BackfillStatus): Promise<void> {
  if (status !== undefined) setHandler(backfillStatusQuery, () => status);
  await condition(() => status?.state === 'done');
}

export async function countObjects(): Promise<void> {
  await condition(() => false);
}
