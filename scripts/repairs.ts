/** Replays and reprocessing, run on workers: what rewrites the lake has one worker's connections and rights, not those of a command. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type ErrorCode, IngestError, policies } from '../errors/ingest-error.ts';
import type { Config } from '../workers/config.ts';
import type { ReplayInput, ReplayStatus, ReprocessInput, ReprocessStatus } from '../workflows/repair-state.ts';
import { sourceIdKey, tenantIdKey } from '../workflows/search-attributes.ts';
import { answered } from './source-registry.ts';

/** Behind the live reads of every source. */
const repairPriority = 4;
const lookEveryMs = 500;

type Show<S> = (status: S) => void;

/** Replays, or joins the same replay where it runs. Throws `source.silent` and what the workflow failed with. */
export function replay(client: Client, config: Config, input: ReplayInput, show: Show<ReplayStatus>) {
  const { tenantId, filter, dryRun } = input;
  const { sourceId, table, code, from, to } = filter;
  const identity = createHash('sha256')
    .update(JSON.stringify([sourceId, table, code, from, to, dryRun]))
    .digest('hex');
  return run(client, config, {
    workflowType: 'replayDeadLetters',
    workflowId: `replay/${tenantId}/${identity.slice(0, 16)}`,
    input,
    show,
  });
}

/** Reprocesses, or joins the same one where it runs. Throws `source.silent` and what the workflow failed with. */
export function reprocess(client: Client, config: Config, input: ReprocessInput, show: Show<ReprocessStatus>) {
  const { tenantId, sourceId, from, to, dryRun } = input;
  return run(client, config, {
    workflowType: 'reprocessSource',
    workflowId: `reprocess/${tenantId}/${sourceId}/${from}_${to}${dryRun ? '/dry-run' : ''}`,
    input,
    show,
  });
}

async function run<S>(
  client: Client,
  { temporal }: Config,
  {
    workflowType,
    workflowId,
    input,
    show,
  }: {
    workflowType: string;
    workflowId: string;
    input: { readonly tenantId: string; readonly sourceId?: string };
    show: Show<S>;
  },
): Promise<S> {
  await client.workflow
    .start(workflowType, {
      workflowId,
      taskQueue: temporal.taskQueue,
      args: [input],
      priority: { priorityKey: repairPriority, fairnessKey: input.tenantId },
      staticSummary: workflowId,
      typedSearchAttributes: [
        { key: tenantIdKey, value: input.tenantId },
        ...(input.sourceId === undefined ? [] : [{ key: sourceIdKey, value: input.sourceId }]),
      ],
    })
    .catch((error: unknown) => {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    });
  const handle = client.workflow.getHandle(workflowId);
  const ended = handle.result().then(
    (result) => ({ result: result as S }),
    (error: unknown) => ({ error: castFailure(error, workflowId) }),
  );
  for (;;) {
    show(await answered(client, workflowId, () => handle.query<S>('status')));
    const outcome = await Promise.race([ended, sleep(lookEveryMs)]);
    if (outcome === undefined) continue;
    if ('error' in outcome) throw outcome.error;
    show(outcome.result);
    return outcome.result;
  }
}

/** What an activity of the workflow failed with, as it was thrown on the worker. */
function castFailure(error: unknown, workflowId: string): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  let cause: unknown = error.cause;
  while (cause instanceof Error && !(cause instanceof ApplicationFailure)) ({ cause } = cause);
  if (!(cause instanceof ApplicationFailure))
    return new Error(`${workflowId} was ended: ${error.cause?.message ?? ''}`);
  const code = cause.type ?? 'internal';
  return Object.hasOwn(policies, code)
    ? new IngestError(code as ErrorCode, cause.message, { cause: error })
    : new Error(cause.message, { cause: error });
}
