import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { workerBehavior } from '../../workers/worker.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const logFile = join(temporaryDirectory('worker'), 'temporal.log');
const taskQueue = 'standing-still';
let temporal: TemporalServer;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  temporal = await startTemporalServer({ logFile, uiPort: 'none' });
});
afterAll(() => temporal.close());

it('a worker goes on after it stood still in the midst of a workflow', async () => {
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    ...workerBehavior,
    connection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('standing-still.ts', import.meta.url)),
  });
  const outcome = await worker.runUntil(
    client.workflow.execute('standStill', {
      taskQueue,
      workflowId: 'standing-still',
      // longer than the SDK waits for a workflow unless it is told to
      args: [6000],
      workflowTaskTimeout: '30s',
    }),
  );
  expect(outcome).toBe('went on');
  await connection.close();
  await client.connection.close();
});
