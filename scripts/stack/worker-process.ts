/** A worker as a process of its own, as in production: it may be killed and started again. */
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { scriptArguments } from '../script.ts';
import { startProcess, type Running } from './process.ts';

export interface StartWorker {
  /** Configuration and secrets, over this process's environment. */
  readonly env: Readonly<Record<string, string>> & {
    readonly TEMPORAL_ADDRESS: string;
    readonly TEMPORAL_NAMESPACE: string;
  };
  readonly taskQueue: string;
  /** Root of the checkout or build to run; default: this one. */
  readonly root?: string;
  readonly logFile: string;
}

/** @throws Error with the last log lines, when the worker ends early or does not poll in time. */
export async function startWorkerProcess({ env, taskQueue, root, logFile }: StartWorker): Promise<Running> {
  const connection = await Connection.connect({ address: env.TEMPORAL_ADDRESS });
  try {
    const client = new Client({ connection, namespace: env.TEMPORAL_NAMESPACE });
    const before = await pollersOf(client, taskQueue);
    return await startProcess({
      name: 'worker',
      ...commandLine(['worker'], root),
      env: { ...process.env, ...env },
      logFile,
      ready: async () => [...(await pollersOf(client, taskQueue))].some((poller) => !before.has(poller)),
      stopSeconds: 45,
    });
  } finally {
    await connection.close();
  }
}

/** `ppi …` as a checkout or build runs it. */
export function commandLine(args: readonly string[], root?: string): { command: string; args: string[] } {
  return { command: process.execPath, args: [...scriptArguments('ppi', root), ...args] };
}

/** The workers that ask for activities. The server remembers dead ones for minutes; others may be alive: ours is one that was not there before. */
async function pollersOf(client: Client, taskQueue: string): Promise<Set<string>> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
  });
  return new Set((pollers ?? []).map(({ identity }) => identity ?? ''));
}
