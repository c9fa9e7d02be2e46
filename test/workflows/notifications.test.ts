import { type IncomingMessage, request as forward, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../lake/s3-access.ts';
import { steerSource } from '../../scripts/commands/sources.ts';
import { applyTenants } from '../../scripts/commands/tenants.ts';
import { queueNameOf, queueStatus, updateQueue } from '../../scripts/queue-registry.ts';
import { s3Settings } from '../../sources/settings.ts';
import type { QueueStatus } from '../../workflows/queue-state.ts';
import { serve } from '../sources/streams.ts';
import { exportHistories, recordHistories } from '../support/histories.ts';
import { queryLake } from '../support/lake.ts';
import { type MotoServer, startMoto } from '../support/moto/server.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startWorkerStack, type WorkerStack } from '../support/worker-stack.ts';

/** Real activities, lake, Temporal, and a server whose buckets send their notifications to its queues. */
let stack: WorkerStack;
let moto: MotoServer;
let line: Awaited<ReturnType<typeof serve>>;
let s3: S3Client;
let sqs: SQSClient;
let queueUrl = '';
let queue = '';
const credentials = { accessKeyId: 'stack', secretAccessKey: 'stack-secret-key' };
/** Handles of messages whose deletion the line to the queue swallowed, and how many more it will. */
const swallowed: string[] = [];
let deletionsToSwallow = 0;

beforeAll(async () => {
  const directory = temporaryDirectory('notifications');
  [stack, moto] = await Promise.all([startWorkerStack(directory), startMoto(join(directory, 'moto.log'))]);
  const access = { region: 'us-east-1', endpoint: moto.endpoint, credentials };
  s3 = createS3Client(access);
  sqs = new SQSClient(access);
  await s3.send(new CreateBucketCommand({ Bucket: 'mail' }));
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'uploads' }));
  line = await serve((incoming, outgoing) => void passOn(incoming, outgoing));
  queueUrl = QueueUrl.replace(/^https?:\/\/[^/]+/, line.url);
  queue = queueNameOf(queueUrl);
}, 120_000);
afterAll(async () => {
  sqs.destroy();
  s3.destroy();
  await stack.close();
  await line.close();
  await moto.close();
});

/** Handle of the message that was put off last. */
let putOff = '';
/** Of an object whose store says nothing until it may. */
let sayAtLast: (() => void) | undefined;

/** The line to the server: some deletions do not come through, and one object is nobody's to read. */
async function passOn(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await text(incoming);
  if (incoming.headers['x-amz-target'] === 'AmazonSQS.DeleteMessageBatch' && deletionsToSwallow > 0) {
    deletionsToSwallow -= 1;
    const { Entries } = JSON.parse(body) as { Entries: { ReceiptHandle: string }[] };
    swallowed.push(...Entries.map(({ ReceiptHandle }) => ReceiptHandle));
    outgoing.writeHead(503).end();
    return;
  }
  const { hostname, port } = new URL(moto.endpoint);
  const { url, method, headers } = incoming;
  if (headers['x-amz-target'] === 'AmazonSQS.ChangeMessageVisibilityBatch') {
    const { Entries } = JSON.parse(body) as { Entries: { ReceiptHandle: string }[] };
    putOff = Entries[0]?.ReceiptHandle ?? '';
  }
  if (method === 'HEAD' && url?.includes('swallowed.log') === true) {
    await new Promise<void>((resolve) => {
      sayAtLast = resolve;
    });
  }
  if (method === 'HEAD' && url?.includes('denied.log') === true) {
    outgoing.writeHead(403).end();
    return;
  }
  forward({ hostname, port, path: url, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  }).end(body);
}

const put = (key: string, body: string) => s3.send(new PutObjectCommand({ Bucket: 'mail', Key: key, Body: body }));
const say = (message: object | string) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: queueUrl,
      MessageBody: typeof message === 'string' ? message : JSON.stringify(message),
    }),
  );
const created = (bucket: string, key: string, more: object = {}) => ({
  Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: bucket }, object: { key, ...more } } }],
});

const source = (tenantId: string) => ({
  tenantId,
  sourceId: 'filter',
  settings: s3Settings.parse({
    kind: 's3',
    table: 'proofpoint_gateway_filter_logs',
    bucket: 'mail',
    prefix: `${tenantId}/`,
    endpoint: line.url,
    accessKeyId: 'env:STACK_KEY',
    secretAccessKey: 'env:STACK_SECRET',
    // what is loaded here comes by the queue, unless a test lists
    every: '1d',
    notifications: { queueUrl, every: '1s' },
  }),
});

async function until(holds: (status: QueueStatus) => boolean): Promise<QueueStatus> {
  const deadlineMs = performance.now() + 40_000;
  for (;;) {
    const status = await queueStatus(stack.client, queue);
    if (holds(status)) return status;
    if (performance.now() > deadlineMs) throw new Error(`the queue stays at ${JSON.stringify(status)}`);
    await sleep(200);
  }
}

async function lines(): Promise<string[]> {
  const rows = await queryLake(
    stack.config.lake,
    `SELECT tenant_id, decode(raw) AS line FROM dead_letters
     UNION ALL SELECT tenant_id, raw FROM proofpoint_gateway_filter_logs`,
  );
  return rows.map(({ tenant_id, line: text_ }) => `${String(tenant_id)}: ${String(text_)}`).sort();
}

const soon = (holds: () => Promise<void>) => vi.waitFor(holds, { timeout: 40_000, interval: 250 });

const history = (workflowId: string) => stack.client.workflow.getHandle(workflowId).fetchHistory();

/** When the workflow last took that Update, epoch ms. */
async function updateMs(workflowId: string, name: string): Promise<number> {
  const { events } = await history(workflowId);
  const accepted = (events ?? []).findLast(
    (event) => event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name === name,
  );
  const { seconds, nanos } = accepted?.eventTime ?? {};
  return Number(seconds) * 1000 + (nanos ?? 0) / 1e6;
}

async function messagesLeft(): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

/** What must be in the lake, by tenant and line. */
const truth: string[] = [];

describe('a notification queue that two tenants share', { timeout: 120_000 }, () => {
  it('brings what was uploaded, once, whatever the form, order and number of its messages', async () => {
    // uploaded before the bucket has notifications: its event is lost
    await put('acme/lost.log', 'a lost line\n');
    await put('globex/settled.log', 'listed at the start\n');
    const applied = await applyTenants(stack.client, stack.config, [source('acme'), source('globex')], {
      dryRun: false,
    });
    expect(applied).toContainEqual({ queue, change: 'created' });
    truth.push('acme: a lost line', 'globex: listed at the start');
    await s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: 'mail',
        NotificationConfiguration: {
          QueueConfigurations: [
            { QueueArn: 'arn:aws:sqs:us-east-1:123456789012:uploads', Events: ['s3:ObjectCreated:*'] },
          ],
        },
      }),
    );
    for (let index = 0; index < 23; index += 1) {
      const [tenantId, word] = [index % 3 === 0 ? 'globex' : 'acme', `line ${index}`];
      await put(`${tenantId}/2026/a b+${index}.log`, `${word}\nsame line\n`);
      truth.push(`${tenantId}: ${word}`);
    }
    truth.push('acme: same line', 'globex: same line');
    await put('acme/2026/a b+1.log', 'line 1\noverwritten\n');
    truth.push('acme: overwritten');
    await put('strangers/x.log', 'not ours\n');
    // doubled, late, and of a version that is no more
    await say(created('mail', 'acme/2026/a+b%2B1.log', { eTag: 'of-before', sequencer: '00' }));
    await say({ Type: 'Notification', Message: JSON.stringify(created('mail', 'acme/2026/a+b%2B2.log')) });
    await say({
      source: 'aws.s3',
      'detail-type': 'Object Created',
      detail: { bucket: { name: 'mail' }, object: { key: 'globex/2026/a b+3.log' } },
    });
    await say(created('mail', 'acme/never-was.log'));
    await say(created('others', 'acme/x.log'));
    await say({ Records: [{ eventName: 'ObjectRemoved:Delete' }] });
    await say('hello');
    const sent = 1 + 25 + 7;
    const status = await until(({ totals, condition }) => totals.received >= sent && condition === 'idle');
    expect(status.totals).toMatchObject({ received: sent, done: sent - 1, kept: 1, failed: 0 });
    expect(status.foreign).toEqual({ mail: 1, others: 1 });
    expect(await lines()).toEqual(truth.toSorted());
    expect(await messagesLeft()).toBe(0);
    const letters = await queryLake(stack.config.lake, 'SELECT code, body, queue_url FROM queue_letters');
    expect(letters).toEqual([{ code: 'unreadable', body: 'hello', queue_url: queueUrl }]);
    // what an activity is given names one source, however many there are
    const { events = [] } = await history(`notifications/${queue}`);
    const inputs = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      (scheduled?.input?.payloads ?? []).map(({ data }) => Buffer.from(data ?? []).toString()),
    );
    expect(inputs.length).toBeGreaterThan(0);
    expect(inputs.filter((input) => input.includes('globex'))).toEqual([]);
  });

  it('does not wait for a store that says nothing before it loads what is others’', async () => {
    const before = await queueStatus(stack.client, queue);
    // received together
    await updateQueue(stack.client, queue, 'pause', { reason: 'test' });
    await put('globex/swallowed.log', 'a line of a slow store\n');
    await put('acme/quick.log', 'a line that overtakes\n');
    await updateQueue(stack.client, queue, 'resume');
    truth.push('acme: a line that overtakes');
    await soon(async () => expect(await lines()).toEqual(truth.toSorted()));
    expect(sayAtLast).toBeDefined();
    // deleted with its object in the lake, while the other one is kept
    await soon(async () => expect(await messagesLeft()).toBe(1));
    // routes that change meanwhile count for what is received from then on
    await steerSource(stack.client, { tenantId: 'acme', sourceId: 'filter' }, 'pause', 'test');
    await put('acme/meanwhile.log', 'uploaded during a short pause\n');
    await sleep(4000);
    expect([await messagesLeft(), await lines()]).toEqual([1, truth.toSorted()]);
    await steerSource(stack.client, { tenantId: 'acme', sourceId: 'filter' }, 'resume');
    truth.push('acme: uploaded during a short pause');
    await soon(async () => expect(await lines()).toEqual(truth.toSorted()));
    expect((await queueStatus(stack.client, queue)).totals.done).toBe(before.totals.done);
    sayAtLast?.();
    truth.push('globex: a line of a slow store');
    await until(({ totals, condition }) => totals.done === before.totals.done + 3 && condition === 'idle');
    expect(await lines()).toEqual(truth.toSorted());
    expect(await messagesLeft()).toBe(0);
  });

  it('loads what was received while messages go on to arrive', async () => {
    const before = await lines();
    const sending = new AbortController();
    const sent = (async () => {
      let index = 0;
      for (; !sending.signal.aborted; index += 1) {
        await put(`acme/steady-${index}.log`, `steady ${index}\n`);
        truth.push(`acme: steady ${index}`);
        await sleep(300);
      }
    })();
    const startedMs = performance.now();
    await soon(async () => expect((await lines()).length).toBeGreaterThan(before.length));
    sending.abort();
    await sent;
    // not when 100 have come
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    await soon(async () => expect(await lines()).toEqual(truth.toSorted()));
  });

  it('adds nothing when a worker dies between commit and deletion', async () => {
    // of two sorts of messages, each deletion tried three times
    deletionsToSwallow = 6;
    await put('acme/twice.log', 'a line of a message that comes twice\n');
    await say('hello again');
    truth.push('acme: a line of a message that comes twice');
    await until(() => deletionsToSwallow === 0);
    expect(await lines()).toEqual(truth.toSorted());
    for (const handle of new Set(swallowed)) {
      await sqs.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle: handle, VisibilityTimeout: 0 }),
      );
    }
    await soon(async () => expect(await messagesLeft()).toBe(0));
    // what an activity did is told when it ends
    await until(({ totals, condition }) => totals.kept === 2 && condition === 'idle');
    expect(await lines()).toEqual(truth.toSorted());
    const letters = await queryLake(stack.config.lake, `SELECT count(*)::INTEGER AS letters FROM queue_letters`);
    expect(letters).toEqual([{ letters: 2 }]);
  });

  it('shows an object that cannot be loaded, tries it again, and keeps its message in the end', async () => {
    const before = await queueStatus(stack.client, queue);
    await put('acme/denied.log', 'a line that nobody may read\n');
    const status = await until(({ totals }) => totals.failed > before.totals.failed);
    expect(status).toMatchObject({ consecutiveErrors: 0, totals: { kept: before.totals.kept } });
    expect(await messagesLeft()).toBe(1);
    await updateQueue(stack.client, queue, 'pause', { reason: 'test' });
    const release = (ReceiptHandle: string) =>
      sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    await release(putOff);
    for (let receipts = 2; receipts < 10; receipts += 1) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 30 }),
      );
      await release(Messages[0]?.ReceiptHandle ?? '');
    }
    await updateQueue(stack.client, queue, 'resume');
    await until(({ totals }) => totals.kept > before.totals.kept);
    expect(await messagesLeft()).toBe(0);
    const letters = await queryLake(stack.config.lake, `SELECT reason FROM queue_letters WHERE code = 'unloadable'`);
    expect(letters).toEqual([{ reason: 'S3: Unknown (403) for s3://mail/acme/denied.log' }]);
  });

  it('loads nothing of a paused source, which its listing finds when it is resumed', async () => {
    const globex = { tenantId: 'globex', sourceId: 'filter' };
    await steerSource(stack.client, globex, 'pause', 'test');
    const before = await queueStatus(stack.client, queue);
    await put('globex/zzz.log', 'uploaded during a pause\n');
    await until(({ totals }) => totals.done > before.totals.done);
    expect(await lines()).toEqual(truth.toSorted());
    // applied again, the pause stays
    const again = await applyTenants(stack.client, stack.config, [source('acme'), source('globex')], { dryRun: false });
    expect(again.map(({ change }) => change)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    await steerSource(stack.client, globex, 'resume');
    await steerSource(stack.client, globex, 'poll');
    truth.push('globex: uploaded during a pause');
    expect(await lines()).toEqual(truth.toSorted());
    // what the queue still deleted was there for the listing
    const [opened, resumed] = await Promise.all([
      updateMs(`notifications/${queue}`, 'pauseRoute'),
      updateMs('ingest/globex/filter', 'resume'),
    ]);
    expect(opened).toBeLessThan(resumed);
  });

  it('loads nothing of a source that was paused before it named the queue', async () => {
    const apply = (initech: object) =>
      applyTenants(
        stack.client,
        stack.config,
        [source('acme'), source('globex'), { ...source('initech'), ...initech }],
        {
          dryRun: false,
        },
      );
    const { notifications: _, ...unnotified } = source('initech').settings;
    await apply({ settings: unnotified });
    await steerSource(stack.client, { tenantId: 'initech', sourceId: 'filter' }, 'pause', 'test');
    // the list of sources is a second behind
    await sleep(2000);
    expect(await apply({})).toContainEqual({ queue, change: 'changed' });
    const before = await queueStatus(stack.client, queue);
    const paused = before.settings.routes.filter((route) => route.paused === true);
    expect(paused.map(({ tenantId }) => tenantId)).toEqual(['initech']);
    await put('initech/x.log', 'of a paused source\n');
    await until(({ totals }) => totals.done > before.totals.done);
    expect(await lines()).toEqual(truth.toSorted());
  });

  it('goes without a tenant that is gone, and ends with the last source that names it', async () => {
    await applyTenants(stack.client, stack.config, [source('acme')], { dryRun: false });
    const { foreign } = await queueStatus(stack.client, queue);
    await put('globex/after.log', 'nobody is left to own it\n');
    const status = await until((now) => (now.foreign['mail'] ?? 0) > (foreign['mail'] ?? 0));
    expect(status.settings.routes.map(({ tenantId }) => tenantId)).toEqual(['acme']);
    expect(await lines()).toEqual(truth.toSorted());
    const { notifications: _, ...unnotified } = source('acme').settings;
    const applied = await applyTenants(stack.client, stack.config, [{ ...source('acme'), settings: unnotified }], {
      dryRun: false,
    });
    expect(applied).toContainEqual({ queue, change: 'removed' });
    if (process.env['RECORD_HISTORIES'] === '1') {
      const histories = await exportHistories(stack.client, stack.config.temporal.address ?? '');
      recordHistories(histories.filter(({ workflowType }) => workflowType === 'notificationQueue'));
    }
    await expect(
      (async () => {
        for (let tries = 0; tries < 50; tries += 1, await sleep(100)) await queueStatus(stack.client, queue);
      })(),
    ).rejects.toMatchObject({ code: 'queue.unknown' });
  });
});
