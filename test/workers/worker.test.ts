import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { workerBehavior } from '../../workers/worker.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('worker');
const taskQueue = 'slow';
let temporal: TemporalServer;
let client: Client;
let stopWorker: () => Promise<void>;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  temporal = await startTemporalServer({ logFile: join(directory, 'temporal.log'), uiPort: 'none' });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    ...workerBehavior,
    connection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('slow-workflows.ts', import.meta.url)),
    activities: { stay: (ms: number) => sleep(ms, 'stayed') },
  });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await connection.close();
  };
});
afterAll(async () => {
  await stopWorker();
  await client.connection.close();
  await temporal.close();
});

const outcomeOf = (workflow: 'standStill' | 'waitFor', ms: number): Promise<string> =>
  client.workflow.execute(workflow, { taskQueue, workflowId: workflow, args: [ms], workflowTaskTimeout: '30s' });

describe('a worker', () => {
  it('goes on after it stood still in the midst of a workflow, for longer than the SDK waits by itself', async () => {
    expect(await outcomeOf('standStill', 6000)).toBe('went on');
  });

  it('keeps an activity alive that says nothing', async () => {
    expect(await outcomeOf('waitFor', 3000)).toBe('stayed');
  });
});
