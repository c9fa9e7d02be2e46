import { type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startS3Backfill } from '../../scripts/backfills.ts';
import { countObjects, sourceStatus, startSource, updateSource } from '../../scripts/source-registry.ts';
import type { SourceName } from '../../sources/batch.ts';
import { serve } from '../sources/streams.ts';
import { queryLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startWorkerStack, type WorkerStack } from '../support/worker-stack.ts';

/** Real activities, lake and S3 server. */
let stack: WorkerStack;
const name = { tenantId: 'acme', sourceId: 'filter' };
const objects = 1050;
const keyOf = (index: number) => `late/2026/01/31/${String(index).padStart(5, '0')}.log`;

beforeAll(async () => {
  stack = await startWorkerStack(temporaryDirectory('s3-late'));
}, 60_000);
afterAll(() => stack.close());

const put = (key: string, text: string) =>
  stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key: key, Body: text }));

async function polled(holds: (batches: number) => boolean, source: SourceName = name) {
  const deadlineMs = performance.now() + 40_000;
  for (;;) {
    const status = await sourceStatus(stack.client, source);
    if (holds(status.totals.batches) || performance.now() > deadlineMs) return status;
    if (status.pipelineState === 'idle') await updateSource(stack.client, source, 'pollNow');
    await sleep(200);
  }
}

describe('an S3 source on a real store', { timeout: 120_000 }, () => {
  it('loads each object once in few requests, then what comes late or is overwritten, and a backfill adds nothing', async () => {
    for (let from = 0; from < objects; from += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => put(keyOf(from + index), `line ${from + index}\n`)));
    }
    const settings = { ...stack.s3Settings('late/'), lookBack: 8 };
    await startSource(stack.client, stack.config.temporal.taskQueue, { ...name, settings });
    const first = await polled((batches) => batches >= objects);
    expect(first.totals).toMatchObject({ batches: objects, records: objects });
    // 1,000 keys a request, and few more for polls
    expect(first.s3?.listRequests).toBeLessThan(8);
    await put(`${keyOf(3)}-late`, 'a late line\n');
    await put(keyOf(5), 'another line\n');
    await sleep(2500);
    const second = await polled((batches) => batches >= objects + 2);
    expect(second.totals).toMatchObject({ batches: objects + 2, records: objects + 2 });
    expect(second.cursor).toBe(keyOf(objects - 1));
    expect(second.s3?.found['look-back']).toBe(2);
    const range = { fromMs: Date.parse('2026-01-31T00:00:00Z'), toMs: Date.parse('2026-02-01T00:00:00Z') };
    const started = await startS3Backfill(
      stack.client,
      stack.config,
      { ...name, settings },
      { ...range, by: 'key', unitsTotal: objects + 1 },
    );
    expect(await stack.client.workflow.getHandle(started.workflowId).result()).toMatchObject({
      done: objects + 1,
      failed: [],
      totals: { batches: 0, rowsAdded: 0 },
    });
  });

  it('is not held up by objects that are deleted, overwritten or archived between listing and read', async () => {
    const keys = ['archived', 'changed', 'gone', 'good'].map((word) => `trouble/${word}.log`);
    for (const key of keys) await put(key, `line of ${key}\n`);
    const before: Record<string, () => Promise<unknown>> = {
      'changed.log': () => put('trouble/changed.log', 'another line\n'),
      'gone.log': () => stack.s3.send(new DeleteObjectCommand({ Bucket: stack.bucket, Key: 'trouble/gone.log' })),
    };
    const { endpoint, ...settings } = stack.s3Settings('trouble/');
    // happens when an object is first read
    const answerFrom = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
      const { url = '', method, headers } = incoming;
      const word = method === 'GET' ? (/([a-z]+\.log)/.exec(url)?.[1] ?? '') : '';
      if (word === 'archived.log') {
        outgoing.writeHead(403, { 'content-type': 'application/xml' });
        outgoing.end(
          '<Error><Code>InvalidObjectState</Code><Message>not valid for its storage class</Message></Error>',
        );
        return;
      }
      const happen = before[word];
      delete before[word];
      await happen?.();
      const { hostname, port } = new URL(endpoint ?? '');
      forward({ hostname, port, path: url, method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }).end();
    };
    const line = await serve((incoming, outgoing) => void answerFrom(incoming, outgoing));
    const source = { tenantId: 'globex', sourceId: 'filter' };
    await startSource(stack.client, stack.config.temporal.taskQueue, {
      ...source,
      settings: { ...settings, endpoint: line.url },
    });
    const status = await polled((batches) => batches >= 3, source);
    expect(status).toMatchObject({ consecutiveErrors: 0, cursor: 'trouble/good.log' });
    expect(status.totals).toMatchObject({ batches: 3, records: 3 });
    // by one listing: nothing had to be listed again
    expect(status.s3).toMatchObject({ gone: 1, archived: 1, listRequests: 1 });
    const sql = `SELECT source_ref.uri AS uri FROM dead_letters WHERE code = 'archived_object'`;
    expect(await queryLake(stack.config.lake, sql)).toEqual([{ uri: 's3://logs/trouble/archived.log' }]);
    await line.close();
    // the one that was deleted is not there to count
    const range = { fromMs: 0, toMs: Date.now() };
    const counted = await countObjects(
      stack.client,
      stack.config,
      { ...source, settings: stack.s3Settings('trouble/') },
      range,
      'key',
    );
    expect(counted).toMatchObject({ objects: 0, undated: 3 });
  });
});
