/** The notification queues that run, seen through Temporal, and how they are made to match the sources that name them. */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { QueueSettings } from '../sources/s3/queue-routes.ts';
import type { QueueInput, QueueStatus } from '../workflows/queue-state.ts';
import { pipelineStateKey } from '../workflows/search-attributes.ts';
import { workflowIdOf } from '../workflows/source-state.ts';
import { answered, livePriority, mustRun } from './source-registry.ts';

const idPrefix = 'notifications/';
/** How long a worker may take to answer. */
const answerMs = 10_000;

/** What operators call a queue: its name, and what tells it from others of that name. */
export function queueNameOf(queueUrl: string): string {
  const name = new URL(queueUrl).pathname.split('/').findLast((part) => part !== '') ?? 'queue';
  return `${name}-${createHash('sha256').update(queueUrl).digest('hex').slice(0, 6)}`;
}

/** Names of those that run. Visibility is a second behind. */
export async function runningQueues(client: Client): Promise<string[]> {
  const query = `WorkflowType = 'notificationQueue' AND ExecutionStatus = 'Running'`;
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId.slice(idPrefix.length));
  return found.toSorted();
}

export async function queueStatus(client: Client, name: string): Promise<QueueStatus> {
  return asked(client, name, async () => {
    await mustRun(client, idPrefix + name);
    return client.workflow.getHandle(idPrefix + name).query<QueueStatus>('status');
  });
}

/** Sends an Update of workflows/messages.ts and gives the status it answers. */
export async function updateQueue(
  client: Client,
  name: string,
  update: 'pause' | 'resume' | 'reconfigure' | 'pauseRoute',
  argument?: unknown,
): Promise<QueueStatus> {
  const handle = client.workflow.getHandle(idPrefix + name);
  return asked(client, name, () =>
    argument === undefined
      ? handle.executeUpdate<QueueStatus, []>(update)
      : handle.executeUpdate<QueueStatus, [unknown]>(update, { args: [argument] }),
  );
}

function asked<T>(client: Client, name: string, ask: () => Promise<T>): Promise<T> {
  return answered(client, `queue ${name}`, ask, answerMs, 'queue.unknown');
}

export interface QueueChange {
  readonly queue: string;
  readonly change: 'created' | 'changed' | 'unchanged' | 'removed';
  readonly carryOut: () => Promise<unknown>;
}

/** What makes the running queues those that are wanted, and keeps them from loading what belongs to paused sources (their ids). */
export async function planQueues(
  client: Client,
  taskQueue: string,
  wanted: readonly QueueSettings[],
  paused: ReadonlySet<string>,
): Promise<QueueChange[]> {
  const running = new Set(await runningQueues(client));
  const changes = await Promise.all(
    wanted.map(async (configured): Promise<QueueChange> => {
      const settings = withPauses(configured, paused);
      const queue = queueNameOf(settings.queueUrl);
      if (!running.has(queue)) {
        return { queue, change: 'created', carryOut: () => startQueue(client, taskQueue, settings) };
      }
      const { settings: current } = await queueStatus(client, queue);
      if (isDeepStrictEqual(current, settings)) return { queue, change: 'unchanged', carryOut: async () => undefined };
      return {
        queue,
        change: 'changed',
        carryOut: () => updateQueue(client, queue, 'reconfigure', { settings }),
      };
    }),
  );
  const wantedNames = new Set(changes.map(({ queue }) => queue));
  const removed = [...running].filter((queue) => !wantedNames.has(queue));
  return [
    ...changes,
    ...removed.map((queue): QueueChange => ({
      queue,
      change: 'removed',
      carryOut: () => client.workflow.getHandle(idPrefix + queue).cancel(),
    })),
  ];
}

function withPauses(settings: QueueSettings, paused: ReadonlySet<string>): QueueSettings {
  return {
    ...settings,
    routes: settings.routes.map((route) => (paused.has(workflowIdOf(route)) ? { ...route, paused: true } : route)),
  };
}

async function startQueue(client: Client, taskQueue: string, settings: QueueSettings): Promise<void> {
  const name = queueNameOf(settings.queueUrl);
  const input: QueueInput = { settings };
  try {
    await client.workflow.start('notificationQueue', {
      workflowId: idPrefix + name,
      taskQueue,
      args: [input],
      priority: { priorityKey: livePriority, fairnessKey: name },
      staticSummary: `notification queue ${name}`,
      typedSearchAttributes: [{ key: pipelineStateKey, value: 'running' }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    // it was started a moment ago and the list did not have it yet
    await updateQueue(client, name, 'reconfigure', { settings });
  }
}
