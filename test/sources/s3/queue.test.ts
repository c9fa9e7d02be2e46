import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withLease } from '../../../sources/s3/lease.ts';
import { createQueue, type MessageQueue } from '../../../sources/s3/queue.ts';
import { type MotoServer, startMoto } from '../../support/moto/server.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { serve } from '../streams.ts';

let moto: MotoServer;
let client: SQSClient;
const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const access = { region: 'us-east-1', credentials, allowPrivateEndpoints: true };

beforeAll(async () => {
  moto = await startMoto(join(temporaryDirectory('queue'), 'moto.log'));
  client = new SQSClient({ region: 'us-east-1', endpoint: moto.endpoint, credentials });
}, 60_000);
afterAll(async () => {
  client.destroy();
  await moto.close();
});

async function filledQueue(name: string, messages: number): Promise<MessageQueue> {
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: name }));
  const entries = Array.from({ length: messages }, (_, index) => ({ Id: String(index), MessageBody: `body ${index}` }));
  for (let from = 0; from < messages; from += 10)
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries: entries.slice(from, from + 10) }));
  return createQueue({ ...access, queueUrl: QueueUrl });
}

async function receiveAll(queue: MessageQueue, visibilitySeconds: number) {
  const received = [];
  for (;;) {
    const batch = await queue.receive({ waitSeconds: 0, visibilitySeconds });
    if (batch.length === 0) return received;
    expect(batch.length).toBeLessThanOrEqual(10);
    received.push(...batch);
  }
}

describe('a queue', () => {
  it('gives messages by ten, counts receipts, and deletes any number', async () => {
    const queue = await filledQueue('many', 23);
    const first = await receiveAll(queue, 1);
    expect(first.map(({ body }) => body).toSorted()).toEqual(
      Array.from({ length: 23 }, (_, index) => `body ${index}`).toSorted(),
    );
    expect(first.every(({ receipts }) => receipts === 1)).toBe(true);
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 23 });
    await sleep(1500);
    const second = await receiveAll(queue, 30);
    expect(second).toHaveLength(23);
    expect(second.every(({ receipts }) => receipts === 2)).toBe(true);
    expect(await queue.delete(second)).toBe(0);
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
    queue.close();
  });

  it('keeps messages from others for as long as they are worked on', async () => {
    const queue = await filledQueue('leased', 12);
    const messages = await receiveAll(queue, 2);
    const lease = {
      queue,
      messages,
      visibilitySeconds: 2,
      onLost: (error: unknown) => expect.unreachable(String(error)),
    };
    await withLease(lease, async () => {
      await sleep(5000);
      expect(await receiveAll(queue, 2)).toEqual([]);
    });
    await sleep(2500);
    expect(await receiveAll(queue, 2)).toHaveLength(12);
    queue.close();
  });

  it('says of messages that are gone that it does not hold them', async () => {
    const queue = await filledQueue('gone', 3);
    const [first, ...others] = await receiveAll(queue, 30);
    if (first === undefined) throw new Error('nothing was received');
    expect(await queue.delete([first])).toBe(0);
    expect(await queue.hold([first, ...others], 30)).toBe(1);
    queue.close();
  });
});

describe('what goes wrong with a queue', () => {
  const codeOf = async (queueUrl: string, allowPrivateEndpoints = true) => {
    const opened = async () => {
      const queue = createQueue({ ...access, allowPrivateEndpoints, queueUrl });
      try {
        await queue.depth();
      } finally {
        queue.close();
      }
    };
    return opened().then(
      () => 'none',
      (error: { code: string }) => error.code,
    );
  };

  it('is named: no such queue, no such host, a private address', async () => {
    expect(await codeOf(`${moto.endpoint}/123456789012/none`)).toBe('queue.missing');
    expect(await codeOf('http://127.0.0.1:9/123456789012/none')).toBe('queue.unreachable');
    expect(await codeOf('https://127.0.0.1/123456789012/none', false)).toBe('config.endpoint_refused');
  });

  it.each([
    [403, 'AccessDeniedException', 'queue.denied'],
    [400, 'InvalidClientTokenId', 'queue.denied'],
    [400, 'AWS.SimpleQueueService.NonExistentQueue', 'queue.missing'],
    [400, 'RequestThrottled', 'queue.unavailable'],
    [400, 'KmsThrottled', 'queue.unavailable'],
    [400, 'KmsDisabled', 'queue.denied'],
    [400, 'constructor', 'queue.missing'],
    [503, 'ServiceUnavailable', 'queue.unavailable'],
  ])('is named: %d %s', async (status, name, code) => {
    const refusing = await serve((_, response) => {
      response
        .writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
        .end(JSON.stringify({ __type: `com.amazonaws.sqs#${name}`, message: 'm' }));
    });
    expect(await codeOf(`${refusing.url}/123456789012/logs`)).toBe(code);
    await refusing.close();
  });
});
