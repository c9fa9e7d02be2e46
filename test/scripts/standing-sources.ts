/** Workflow code: sources that stand in a given state and say so, and backfills that never end. */
import { condition, setHandler } from '@temporalio/workflow';
import { statusQuery } from '../../workflows/messages.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';

export async function tapSource(status: SourceStatus): Promise<void> {
  setHandler(statusQuery, () => status);
  await condition(() => false);
}

export async function tapBackfill(): Promise<void> {
  await condition(() => false);
}
