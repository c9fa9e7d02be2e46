/** The sources that run, seen through Temporal: the only list of them there is. */
import { randomUUID } from 'node:crypto';
import {
  type Client,
  isGrpcServiceError,
  QueryNotRegisteredError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { CountObjectsInput, ObjectCount } from '../activities/contracts.ts';
import { type ErrorCode, IngestError } from '../errors/ingest-error.ts';
import type { SourceName } from '../sources/batch.ts';
import type { S3Settings } from '../sources/settings.ts';
import type { ConfiguredSource } from '../sources/tenants-file.ts';
import type { Config } from '../workers/config.ts';
import { sourceIdKey, sourceKindKey, tenantIdKey } from '../workflows/search-attributes.ts';
import { type SourceInput, type SourceStatus, workflowIdOf } from '../workflows/source-state.ts';

/** How long a worker may take to answer a question. */
const answerMs = 10_000;

const endingSignals = ['SIGINT', 'SIGTERM'] as const;

export const livePriority = 2;

/**
 * How gRPC says that nobody answered: cancelled, deadline exceeded, and failed precondition (no worker has this workflow).
 * https://grpc.io/docs/guides/status-codes
 */
const unanswered: ReadonlySet<number> = new Set([1, 4, 9]);

/** What Temporal's server said, also where the client wrapped it; undefined for any other error. */
export function serverAnswer(error: unknown): { readonly details: string; readonly isSilence: boolean } | undefined {
  const answer = error instanceof ServiceError ? error.cause : error;
  if (!isGrpcServiceError(answer)) return undefined;
  return { details: answer.details, isSilence: unanswered.has(answer.code) };
}

const workflowTypes = { tap: 'tapSource', s3: 's3Source' } as const;

/** Every source that runs. Visibility is a second behind. */
export async function runningSources(client: Client, tenantId?: string): Promise<SourceName[]> {
  const filter = [`WorkflowType IN ('tapSource', 's3Source')`, `ExecutionStatus = 'Running'`];
  if (tenantId !== undefined) filter.push(`TenantId = ${quoteKeyword(tenantId)}`);
  const found: SourceName[] = [];
  for await (const { workflowId } of client.workflow.list({ query: filter.join(' AND ') })) {
    const [, tenant = '', source = ''] = workflowId.split('/');
    found.push({ tenantId: tenant, sourceId: source });
  }
  return found.toSorted((a, b) => workflowIdOf(a).localeCompare(workflowIdOf(b)));
}

/** A value in a query of Temporal's visibility. */
export function quoteKeyword(value: string): string {
  return `'${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}

/** Starts the workflow of a source; false if it runs already. */
export async function startSource(
  client: Client,
  taskQueue: string,
  { tenantId, sourceId, settings }: ConfiguredSource,
): Promise<boolean> {
  const input: SourceInput = { tenantId, sourceId, settings };
  try {
    await client.workflow.start(workflowTypes[settings.kind], {
      workflowId: workflowIdOf(input),
      taskQueue,
      args: [input],
      priority: { priorityKey: livePriority, fairnessKey: tenantId },
      staticSummary: `${settings.kind} source ${sourceId} of ${tenantId}`,
      typedSearchAttributes: [
        { key: tenantIdKey, value: tenantId },
        { key: sourceIdKey, value: sourceId },
        { key: sourceKindKey, value: settings.kind },
      ],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

export async function sourceStatus(client: Client, source: SourceName): Promise<SourceStatus> {
  const handle = client.workflow.getHandle(workflowIdOf(source));
  return answered(client, source, async () => {
    await mustRun(client, workflowIdOf(source));
    return handle.query<SourceStatus>('status');
  });
}

/** A workflow that has ended still answers queries: with what it knew when it ended. */
export async function mustRun(client: Client, workflowId: string): Promise<void> {
  const { status } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING') throw new WorkflowNotFoundError(`ended: ${status.name}`, workflowId, undefined);
}

/** Sends an Update of workflows/messages.ts and gives the status it answers. */
export async function updateSource(
  client: Client,
  source: SourceName,
  update: string,
  argument?: unknown,
): Promise<SourceStatus> {
  const handle = client.workflow.getHandle(workflowIdOf(source));
  const send = () =>
    argument === undefined
      ? handle.executeUpdate<SourceStatus, []>(update)
      : handle.executeUpdate<SourceStatus, [unknown]>(update, { args: [argument] });
  // pollNow answers when a whole window or page is loaded
  return answered(client, source, send, 10 * 60_000);
}

/** Counts the objects of a time on a worker, which has the access. */
export async function countObjects(
  client: Client,
  { temporal }: Config,
  { tenantId, sourceId, settings }: SourceName & { settings: S3Settings },
  { fromMs, toMs }: { fromMs: number; toMs: number },
  by: 'key' | 'modified',
): Promise<ObjectCount> {
  const input: CountObjectsInput = {
    tenantId,
    sourceId,
    settings,
    range: { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), by },
  };
  return askWorker(client, input, 'countObjects', {
    workflowId: `count/${tenantId}/${sourceId}/${randomUUID()}`,
    taskQueue: temporal.taskQueue,
    args: [input],
    workflowExecutionTimeout: '7h',
    staticSummary: `count the objects of ${tenantId}/${sourceId}`,
  });
}

/**
 * What a workflow answers that a command waits for. Nobody needs it any more where the command is interrupted: it ends with it.
 * @throws IngestError `source.silent` where no worker takes it up
 */
export async function askWorker<T>(
  client: Client,
  source: SourceName,
  workflowType: string,
  options: WorkflowStartOptions,
): Promise<T> {
  const handle = await client.workflow.start(workflowType, options);
  const giveUp = (signal: NodeJS.Signals) => {
    void handle
      .terminate(`its command got ${signal}`)
      .catch(() => undefined)
      // the handler is gone, so that this ends the command as it would have
      .finally(() => process.kill(process.pid, signal));
  };
  for (const signal of endingSignals) process.once(signal, giveUp);
  try {
    // any worker answers this at once; without one the workflow would wait for as long as it may take
    await answered(client, source, () => handle.query('__temporal_workflow_metadata')).catch(async (error: unknown) => {
      await handle.terminate('no worker answered');
      throw error;
    });
    return (await handle.result()) as T;
  } finally {
    for (const signal of endingSignals) process.off(signal, giveUp);
  }
}

/** Ends a source's workflow. What it loaded stays. */
export async function removeSource(client: Client, source: SourceName): Promise<void> {
  await client.workflow.getHandle(workflowIdOf(source)).cancel();
}

/** Puts a deadline on a question and says plainly why there is no answer. */
export async function answered<T>(
  client: Client,
  asked: SourceName | string,
  ask: () => Promise<T>,
  withinMs = answerMs,
  unknown: Extract<ErrorCode, 'source.unknown' | 'queue.unknown' | 'backfill.unknown'> = 'source.unknown',
): Promise<T> {
  const name = typeof asked === 'string' ? asked : `source ${asked.tenantId}/${asked.sourceId}`;
  try {
    return await client.withDeadline(Date.now() + withinMs, ask);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) {
      throw new IngestError(unknown, `${name}: does not run here`, { cause: error });
    }
    if (error instanceof WorkflowUpdateFailedError) {
      throw new IngestError('source.refused', `${name}: ${error.cause?.message ?? error.message}`, {
        cause: error,
      });
    }
    const silent =
      error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
      error instanceof QueryNotRegisteredError ||
      serverAnswer(error)?.isSilence === true;
    if (silent)
      throw new IngestError('source.silent', `${name}: no worker answered within ${withinMs / 1000} s`, {
        cause: error,
      });
    throw error;
  }
}
