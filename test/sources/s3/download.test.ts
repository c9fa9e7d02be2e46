import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request as forward, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startS3Server, type S3Server } from '../../../scripts/stack/s3-server.ts';
import { createObjectStore, type ListedObject, type ObjectStore } from '../../../sources/s3/client.ts';
import { collect, serve } from '../streams.ts';

const credentials = { accessKeyId: 'reader', secretAccessKey: 'reader-secret-key' };
const sizeBytes = 8_000_000;

/** A real store behind a line that breaks. */
describe('download', () => {
  const content = randomBytes(sizeBytes);
  let server: S3Server;
  let dataDir = '';
  let writer: S3Client;
  const closers: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 's3-'));
    server = await startS3Server({ dataDir, ...credentials });
    writer = new S3Client({ region: 'us-east-1', endpoint: server.endpoint, forcePathStyle: true, credentials });
    await writer.send(new CreateBucketCommand({ Bucket: 'mail-logs' }));
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  afterAll(async () => {
    writer.destroy();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const put = (key: string, body: Uint8Array) =>
    writer.send(new PutObjectCommand({ Bucket: 'mail-logs', Key: key, Body: body }));

  interface Line {
    readonly store: ObjectStore;
    readonly object: ListedObject;
    /** The ranges of the reads, in order; undefined for the whole. */
    readonly ranges: (string | undefined)[];
    readonly headers: IncomingHttpHeaders[];
  }

  interface LineOptions {
    /** After how many bytes each read breaks; reads behind the last one do not. */
    readonly cuts: readonly number[];
    readonly takesRanges?: boolean;
    readonly requesterPays?: boolean;
  }

  async function openLine({ cuts, takesRanges = true, requesterPays = false }: LineOptions): Promise<Line> {
    const ranges: (string | undefined)[] = [];
    const headers: IncomingHttpHeaders[] = [];
    let whole: IncomingHttpHeaders | undefined;
    const relay: RequestListener = (incoming, outgoing) => {
      headers.push(incoming.headers);
      const isRead = incoming.method === 'GET' && !(incoming.url ?? '').includes('list-type=2');
      const cutAt = isRead ? (cuts[ranges.length] ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
      if (isRead) {
        ranges.push(incoming.headers.range);
        whole ??= incoming.headers;
      }
      // the range is signed: a request without it is the first one again
      const passed = isRead && !takesRanges ? whole : incoming.headers;
      const { hostname, port } = new URL(server.endpoint);
      const options = { hostname, port, path: incoming.url, method: incoming.method, headers: passed };
      forward(options, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        let passedBytes = 0;
        answer.on('data', (chunk: Buffer) => {
          const left = cutAt - passedBytes;
          passedBytes += chunk.length;
          if (chunk.length < left) outgoing.write(chunk);
          else {
            answer.pause();
            outgoing.write(chunk.subarray(0, left), () => {
              answer.destroy();
              outgoing.destroy();
            });
          }
        });
        answer.on('end', () => outgoing.end());
      }).end();
    };
    const line = await serve(relay);
    const store = createObjectStore({
      bucket: 'mail-logs',
      region: 'us-east-1',
      endpoint: line.url,
      credentials,
      requesterPays,
      allowPrivateEndpoints: true,
    });
    closers.push(
      () => store.close(),
      () => line.close(),
    );
    await put('long', content);
    const object = await store.head({ key: 'long' });
    if (object === undefined) throw new Error('the object is not there');
    return { store, object, ranges, headers };
  }

  it('goes on from the byte where the line broke, and reads each byte once', async () => {
    const { store, object, ranges, headers } = await openLine({ cuts: [1_000_000, 1, 2_500_000] });
    const read = Buffer.concat(await collect(await store.open(object)));
    expect(read.equals(content)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=1000000-', 'bytes=1000001-', 'bytes=3500001-']);
    const conditions = headers.flatMap((sent) => sent['if-match'] ?? []);
    expect(conditions).toEqual(Array.from({ length: 4 }, () => `"${object.etag}"`));
  });

  it('passes over what it has where the store takes no ranges', async () => {
    const { store, object, ranges } = await openLine({ cuts: [1_000_000], takesRanges: false });
    const read = Buffer.concat(await collect(await store.open(object)));
    expect(read.equals(content)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=1000000-']);
  });

  it('reads no other version on when the object is overwritten in between', async () => {
    const { store, object } = await openLine({ cuts: [1_000_000] });
    const reading = (async () => {
      let isFirst = true;
      for await (const _ of await store.open(object)) {
        if (isFirst) await put('long', randomBytes(sizeBytes));
        isFirst = false;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 's3.object_changed' });
  });

  it('gives up on a line that always breaks, but not while it gets on', async () => {
    const stuck = await openLine({ cuts: Array.from({ length: 50 }, () => 10) });
    await expect(stuck.store.open(stuck.object).then(collect)).rejects.toMatchObject({ code: 's3.unreachable' });
    expect(stuck.ranges).toHaveLength(6);
    const slow = await openLine({ cuts: Array.from({ length: 50 }, () => 1_100_000) });
    expect(Buffer.concat(await collect(await slow.store.open(slow.object))).length).toBe(sizeBytes);
  });

  it('goes on when its client was closed, as one is that nobody asks for', async () => {
    const { store, object } = await openLine({ cuts: [] });
    const read: Uint8Array[] = [];
    for await (const chunk of await store.open(object)) {
      if (read.length === 0) store.close();
      read.push(chunk);
    }
    expect(Buffer.concat(read).equals(content)).toBe(true);
  });

  it('ends at once with the reason of its signal while it waits', async () => {
    const { store, object, ranges } = await openLine({ cuts: Array.from({ length: 50 }, () => 10) });
    const controller = new AbortController();
    const reason = new Error('cancelled by the caller');
    setTimeout(() => controller.abort(reason), 400);
    await expect(store.open({ ...object, signal: controller.signal }).then(collect)).rejects.toBe(reason);
    expect(ranges.length).toBeLessThan(6);
  });

  describe('of a store that contradicts itself', () => {
    const text = Buffer.from(Array.from({ length: 100 }, (_, index) => `line ${index}\n`).join(''));
    const cut = text.length >> 2;

    /** The first quarter, and then the line breaks. */
    const broken: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': text.length });
      response.write(text.subarray(0, cut), () => setImmediate(() => response.destroy()));
    };
    const range =
      (from: number, to: number, whole: number | '*' = text.length): RequestListener =>
      (_, response) => {
        response.writeHead(206, { 'content-length': to - from, 'content-range': `bytes ${from}-${to - 1}/${whole}` });
        response.end(text.subarray(from, to));
      };
    /** Chunked: it does not say how long it is. */
    const unmeasured =
      (body: Uint8Array): RequestListener =>
      (_, response) => {
        response.write(body);
        response.end();
      };

    /** What is read of an object that is listed with that size, when each request is answered by the next of the answers, and by the last for ever. */
    async function read(listedBytes: number, ...answers: readonly RequestListener[]): Promise<Buffer> {
      let asked = 0;
      const liar = await serve((request, response) => {
        answers[Math.min(asked, answers.length - 1)]?.(request, response);
        asked += 1;
      });
      const store = createObjectStore({
        bucket: 'mail-logs',
        region: 'us-east-1',
        endpoint: liar.url,
        credentials,
        allowPrivateEndpoints: true,
      });
      closers.push(
        () => store.close(),
        () => liar.close(),
      );
      return Buffer.concat(await collect(await store.open({ key: 'k', etag: 'e', sizeBytes: listedBytes })));
    }

    it.each([
      ['with its size', cut + 10],
      ['without', '*' as const],
    ])('does not let a later answer make the object shorter, %s', async (_, whole) => {
      await expect(read(0, broken, range(cut, cut + 10, whole))).rejects.toMatchObject({
        code: 's3.unavailable',
        message: `S3: an object of ${text.length} bytes was answered as one of ${cut + 10}`,
      });
    });

    it('asks for the rest where the answer is a part, and says so', async () => {
      expect(await read(0, range(0, cut), range(cut, text.length - 5), range(text.length - 5, text.length))).toEqual(
        text,
      );
    });

    it('asks again where a range does not say where it begins', async () => {
      const silent: RequestListener = (_, response) => {
        response.writeHead(206);
        response.write(text.subarray(cut));
        response.end();
      };
      expect(await read(0, broken, silent, range(cut, text.length))).toEqual(text);
      await expect(read(text.length, silent)).rejects.toMatchObject({ code: 's3.unavailable' });
    });

    it('asks for the rest of what ends before the listed size, where no answer says how long it is', async () => {
      expect(await read(text.length, unmeasured(text.subarray(0, cut)), range(cut, text.length))).toEqual(text);
    });

    it('takes no object that is shorter than it was listed', async () => {
      const short: RequestListener = (_, response) => {
        response.writeHead(200, { 'content-length': cut }).end(text.subarray(0, cut));
      };
      await expect(read(text.length, short)).rejects.toMatchObject({
        code: 's3.unavailable',
        message: `S3: an object of ${text.length} bytes was answered as one of ${cut}`,
      });
    });

    it('takes all of what a store unpacks on its way', async () => {
      expect(await read(cut, unmeasured(text))).toEqual(text);
    });
  });

  it.each([true, false])('tells with every request whether the reader pays: %s', async (requesterPays) => {
    const { store, object, headers } = await openLine({ cuts: [1_000_000], requesterPays });
    await store.list({ prefix: '' });
    await collect(await store.open(object));
    expect(headers).toHaveLength(4);
    const payers = new Set(headers.map((sent) => sent['x-amz-request-payer']));
    expect([...payers]).toEqual([requesterPays ? 'requester' : undefined]);
  });
});
