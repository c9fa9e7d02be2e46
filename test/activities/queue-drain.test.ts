import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openDrain } from '../../activities/queue-drain.ts';
import type { DrainDependencies } from '../../activities/queue-messages.ts';
import { IngestError } from '../../errors/ingest-error.ts';
import type { ObjectStore } from '../../sources/s3/client.ts';
import type { MessageQueue, QueueMessage } from '../../sources/s3/queue.ts';
import { s3Settings } from '../../sources/settings.ts';

/** What the queue was told of messages: for how long to hold them, or to delete them. */
let told: { readonly id: string; readonly seconds: number | 'deleted' }[] = [];
let stopping: AbortController;
beforeEach(() => {
  told = [];
  stopping = new AbortController();
});

const never = async () => {
  throw new Error('is not asked');
};
const queue: MessageQueue = {
  receive: never,
  depth: never,
  async hold(messages, seconds) {
    for (const { messageId } of messages) told.push({ id: messageId, seconds });
    return 0;
  },
  async delete(messages) {
    for (const { messageId } of messages) told.push({ id: messageId, seconds: 'deleted' });
    return 0;
  },
  close: () => undefined,
};

/** Objects of `slow` are asked for and the store says nothing; those of `lakeless` and `large` are there, those of others are gone. */
const head: ObjectStore['head'] = async ({ key, signal }) => {
  if (key.startsWith('slow/')) await sleep(600_000, undefined, { signal });
  const sizeBytes = key.startsWith('large/') ? 9_000_000 : 1;
  return /^(lakeless|large)\//.test(key)
    ? { key, etag: 'e', sizeBytes, lastModified: '2026-01-31T00:00:00Z' }
    : undefined;
};
const store: ObjectStore = { head, list: never, open: never, authorize: never, check: never, close: () => undefined };
const dependencies: DrainDependencies = {
  stores: { of: async () => store, close: () => undefined },
  queues: { of: never, close: () => undefined },
  objectLimits: { ratioMax: 1, megabytesMax: 1 },
  lake: {
    load: never,
    keepQueueLetters: never,
    receipts: async () => {
      throw new IngestError('lake.unavailable', 'lake: is down');
    },
  },
};

const routes = ['slow', 'quick', 'lakeless', 'large'].map((tenantId) => ({
  tenantId,
  sourceId: 'filter',
  settings: s3Settings.parse({
    kind: 's3',
    table: 'proofpoint_gateway_filter_logs',
    bucket: 'mail',
    prefix: `${tenantId}/`,
  }),
}));

const messages = (tenantId: string, from: number, count: number): QueueMessage[] =>
  Array.from({ length: count }, (_, index) => ({
    messageId: `${tenantId} ${from + index}`,
    handle: 'h',
    body: JSON.stringify({
      Records: [
        {
          eventName: 'ObjectCreated:Put',
          s3: { bucket: { name: 'mail' }, object: { key: `${tenantId}/${from + index}` } },
        },
      ],
    }),
    sentAtMs: 0,
    receipts: 1,
  }));

const open = (lake: DrainDependencies['lake'] = dependencies.lake) =>
  openDrain({
    dependencies: { ...dependencies, lake },
    queueUrl: 'https://sqs.example.com/logs',
    queue,
    visibilitySeconds: 120,
    signal: stopping.signal,
  });
const deleted = () => told.filter(({ seconds }) => seconds === 'deleted').map(({ id }) => id);

describe('a drain', () => {
  it('puts off messages of a source that has many under way, and goes on with those of others', async () => {
    const drain = open();
    drain.take(messages('slow', 0, 100), routes);
    expect(drain.isBusy()).toBe(true);
    drain.take([...messages('slow', 100, 100), ...messages('quick', 0, 10)], routes);
    drain.take(messages('slow', 200, 100), routes);
    await vi.waitFor(() => expect(deleted()).toHaveLength(10));
    // it holds up no look any more
    expect([drain.isBusy(), drain.isFull(), drain.isIdle()]).toEqual([false, false, false]);
    drain.take([...messages('slow', 300, 5), ...messages('quick', 10, 10)], routes);
    await vi.waitFor(() => expect(deleted()).toHaveLength(20));
    expect(told.filter(({ seconds }) => seconds !== 'deleted')).toEqual(
      messages('slow', 300, 5).map(({ messageId }) => ({ id: messageId, seconds: 60 })),
    );
    expect(drain.total(false)).toMatchObject({ received: 25, done: 20 });
    stopping.abort();
    await drain.finished();
    expect(drain.isIdle()).toBe(true);
  });

  it('leaves what it has to others when it is stopped', async () => {
    const drain = open();
    drain.take(messages('slow', 0, 3), routes);
    stopping.abort();
    await drain.finished();
    expect(told).toEqual(messages('slow', 0, 3).map(({ messageId }) => ({ id: messageId, seconds: 0 })));
  });

  it('begins no further objects of a source when it is to end, and gives their messages back', async () => {
    let loading = 0;
    let loaded = () => {};
    const gate = new Promise<void>((resolve) => (loaded = resolve));
    const drain = open({
      ...dependencies.lake,
      receipts: async () => new Map(),
      async load({ batchId }) {
        loading += 1;
        await gate;
        return { batchId, tables: [] };
      },
    });
    drain.take(messages('large', 0, 3), routes);
    await vi.waitFor(() => expect(loading).toBe(1));
    const finished = drain.finished();
    loaded();
    await finished;
    expect(loading).toBe(1);
    // all three are settled together: none is deleted before its object is in the lake
    expect(told).toEqual([
      { id: 'large 0', seconds: 'deleted' },
      { id: 'large 1', seconds: 5 },
      { id: 'large 2', seconds: 5 },
    ]);
    expect(drain.total(false)).toMatchObject({ received: 3, done: 1 });
  });

  it('tells of trouble that is not of an object, and counts what went well', async () => {
    const drain = open();
    drain.take([...messages('lakeless', 0, 2), ...messages('quick', 0, 2)], routes);
    await vi.waitFor(() => expect(drain.trouble()).toBeDefined());
    await drain.finished();
    expect(drain.trouble()).toMatchObject({ code: 'lake.unavailable' });
    expect(deleted()).toEqual(['quick 0', 'quick 1']);
    expect(drain.total(true)).toMatchObject({ received: 2, done: 2, more: true });
  });
});
