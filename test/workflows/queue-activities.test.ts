import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { DrainedQueue, DrainQueueInput, QueueRoutes } from '../../activities/contracts.ts';
import { activityInterceptors } from '../../activities/index.ts';
import { IngestError } from '../../errors/ingest-error.ts';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { s3Settings } from '../../sources/settings.ts';
import type { QueueInput, QueueStatus } from '../../workflows/queue-state.ts';
import { createCopy, removeMutant } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Activities under way, each with what ends it; in a copy in which one receives for a second and waits are short. */
const underWay: ((drained: Partial<DrainedQueue>) => void)[] = [];
let begun = 0;
let client: Client;
let stop: () => Promise<void>;

const nothing: DrainedQueue = {
  received: 0,
  done: 0,
  kept: 0,
  foreign: {},
  loaded: { batches: 0, records: 0, rowsAdded: 0, deadLetters: 0 },
  failed: [],
  more: false,
};

/** Buckets of sources whose credentials read no queue. */
const refusedBuckets = new Set<string>();
const readers: string[] = [];

async function drainQueue({ reader }: DrainQueueInput): Promise<DrainedQueue> {
  if (refusedBuckets.size > 0) readers.push(reader.bucket);
  if (refusedBuckets.has(reader.bucket)) throw new IngestError('secret.missing', 'env:NOT_THERE is not set');
  begun += 1;
  return { ...nothing, ...(await new Promise<Partial<DrainedQueue>>((resolve) => underWay.push(resolve))) };
}

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const root = createCopy('short-receiving', [
    { file: 'workflows/notification-queue.ts', from: 'receiveSeconds = 120;', to: 'receiveSeconds = 1;' },
    { file: 'workflows/notification-queue.ts', from: 'nextReaderSeconds = 15;', to: 'nextReaderSeconds = 1;' },
  ]);
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
  });
  const server = await startTemporalServer({
    logFile: join(temporaryDirectory('queue-activities'), 'temporal.log'),
    uiPort: 'none',
  });
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const connection = await NativeConnection.connect({ address: server.address });
  const worker = await Worker.create({
    connection,
    taskQueue: 'queues',
    workflowBundle,
    activities: { drainQueue },
    interceptors: { activity: activityInterceptors },
  });
  const running = worker.run();
  stop = async () => {
    worker.shutdown();
    await running;
    await connection.close();
    await client.connection.close();
    await server.close();
    removeMutant(root);
  };
}, 60_000);
afterAll(() => stop());

const route = (tenantId: string) => ({
  tenantId,
  sourceId: 'filter',
  settings: s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'mail', prefix: tenantId }),
});

it('a queue goes on while activities finish what takes long, with so many at once, and counts what each of them did', async () => {
  const settings = {
    queueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/logs',
    region: 'eu-west-1',
    every: 3600,
    routes: [route('acme'), route('globex')],
  };
  const input: QueueInput = { settings };
  const queue = await client.workflow.start('notificationQueue', {
    workflowId: 'notifications/logs',
    taskQueue: 'queues',
    args: [input],
  });
  const totals = async () => (await queue.query<QueueStatus>('status')).totals;
  const soon = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 20_000, interval: 50 });

  // the first one is slow: the next does not wait for it
  await soon(() => expect(begun).toBe(2));
  underWay[1]?.({ received: 3, done: 3, more: true });
  await soon(async () => expect((await totals()).done).toBe(3));
  // more waits: several receive at once; when all are slow, there is an end to how many
  await soon(() => expect(begun).toBe(9));
  await sleep(3000);
  expect(begun).toBe(9);
  underWay[0]?.({ received: 2, done: 2, more: false });
  await soon(async () => expect((await totals()).done).toBe(5));

  const routes = (known?: number) => queue.query<QueueRoutes, [number?]>('routes', known);
  const { version, ...first } = await routes();
  expect(first).toEqual({ isPaused: false, routes: settings.routes });
  expect(await routes(version)).toEqual({ version, isPaused: false });
  await queue.executeUpdate('pauseRoute', { args: [{ tenantId: 'acme', sourceId: 'filter', paused: true }] });
  const changed = await routes(version);
  expect(changed.routes?.map(({ paused }) => paused)).toEqual([true, undefined]);
  await queue.executeUpdate('pause', { args: [{ reason: 'test' }] });
  expect(await routes(changed.version)).toEqual({ version: changed.version, isPaused: true });

  // what ends in trouble counts as well
  await queue.executeUpdate('resume');
  underWay[2]?.({
    received: 4,
    done: 1,
    trouble: { code: 'lake.unavailable', message: 'm', directive: 'retry', remedy: 'r', attempts: 1 },
  });
  await soon(async () => expect((await totals()).done).toBe(6));
  expect(await queue.query<QueueStatus>('status')).toMatchObject({
    condition: 'backoff',
    consecutiveErrors: 1,
    lastError: { code: 'lake.unavailable' },
  });
  await queue.terminate();
  for (const end of underWay) end({});
}, 60_000);

it('a queue is read with the credentials of the next source where those of one are refused, and blocked where all are', async () => {
  const own = (tenantId: string) => {
    const { settings, ...name } = route(tenantId);
    return { ...name, settings: { ...settings, bucket: `of-${tenantId}` } };
  };
  refusedBuckets.add('of-acme').add('of-globex');
  const settings = {
    queueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/turns',
    region: 'eu-west-1',
    every: 1,
    routes: [own('acme'), own('globex'), own('initech')],
  };
  const queue = await client.workflow.start('notificationQueue', {
    workflowId: 'notifications/turns',
    taskQueue: 'queues',
    args: [{ settings } satisfies QueueInput],
  });
  const status = () => queue.query<QueueStatus>('status');
  const soon = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 20_000, interval: 50 });
  const first = begun;
  await soon(() => expect(begun).toBeGreaterThan(first));
  expect(readers.slice(0, 3)).toEqual(['of-acme', 'of-globex', 'of-initech']);
  for (const end of underWay.splice(0)) end({ received: 1, done: 1 });
  await soon(async () =>
    expect(await status()).toMatchObject({
      consecutiveErrors: 0,
      reader: { tenantId: 'initech' },
      totals: { done: 1 },
    }),
  );
  // one failure each
  refusedBuckets.add('of-initech');
  for (const end of underWay.splice(0)) end({});
  await soon(async () =>
    expect(await status()).toMatchObject({
      condition: 'blocked',
      consecutiveErrors: 3,
      lastError: { code: 'secret.missing' },
    }),
  );
  await queue.terminate();
  refusedBuckets.clear();
  for (const end of underWay.splice(0)) end({});
}, 60_000);
