import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startS3Server, type S3Server } from '../../../scripts/stack/s3-server.ts';
import { createObjectStore, type ObjectStoreOptions } from '../../../sources/s3/client.ts';
import { asText, collect, serve } from '../streams.ts';

const credentials = { accessKeyId: 'reader', secretAccessKey: 'reader-secret-key' };

describe('createObjectStore', () => {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    vi.unstubAllEnvs();
    for (const close of closers.splice(0)) await close();
  });

  function store(options: Partial<ObjectStoreOptions>) {
    const created = createObjectStore({
      bucket: 'mail-logs',
      region: 'us-east-1',
      credentials,
      allowPrivateEndpoints: true,
      ...options,
    });
    closers.push(() => created.close());
    return created;
  }

  describe('on a real server', () => {
    let server: S3Server;
    let dataDir = '';
    let writer: S3Client;
    beforeAll(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 's3-'));
      server = await startS3Server({ dataDir, ...credentials });
      writer = new S3Client({ region: 'us-east-1', endpoint: server.endpoint, forcePathStyle: true, credentials });
      await writer.send(new CreateBucketCommand({ Bucket: 'mail-logs' }));
    });
    afterAll(async () => {
      writer.destroy();
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    });

    const put = async (key: string, body: string): Promise<void> => {
      await writer.send(new PutObjectCommand({ Bucket: 'mail-logs', Key: key, Body: body }));
    };
    const here = () => store({ endpoint: server.endpoint });

    it('lists and opens objects whatever their keys are made of', async () => {
      const keys = [
        'a b',
        'a+b',
        'a%20b',
        'a&b<c>"d\'e',
        'ü/日本語/😀',
        'line\nbreak',
        'control\u0001',
        ";=?#@:,$!*()~`|{}[]^'.log",
      ].map((key) => `keys/${key}`);
      for (const key of keys) await put(key, `in ${key}`);
      const { objects, more } = await here().list({ prefix: 'keys/' });
      expect(more).toBe(false);
      expect(objects.map(({ key }) => key).sort()).toEqual(keys.toSorted());
      for (const { key, etag, sizeBytes, lastModified } of objects) {
        const content = Buffer.concat(await collect(await here().open({ key, etag })));
        expect(asText(content)).toBe(`in ${key}`);
        expect(sizeBytes).toBe(content.length);
        expect(etag).toMatch(/^[0-9a-f]{32}$/);
        expect(Date.parse(lastModified)).toBeGreaterThan(Date.now() - 600_000);
      }
    });

    it('pages behind a key, and keeps empty objects but no folder markers', async () => {
      await put('pages/', '');
      for (const key of ['pages/1', 'pages/2', 'pages/3/', 'pages/4', 'pages/5']) await put(key, '');
      const seen: string[] = [];
      let startAfter: string | undefined;
      for (let more = true; more;) {
        const page = await here().list({ prefix: 'pages/', startAfter, maxKeys: 2 });
        seen.push(...page.objects.map(({ key }) => key));
        startAfter = seen.at(-1);
        more = page.more;
      }
      expect(seen).toEqual(['pages/1', 'pages/2', 'pages/4', 'pages/5']);
    });

    it('fails where keys come in another order than that of their bytes, within a page and from page to page', async () => {
      // by directory, in which `mx` comes before `mx-2`
      for (const key of ['order/mx/1', 'order/mx/2', 'order/mx-2/1']) await put(key, 'content');
      const unordered = expect.objectContaining({
        code: 's3.unordered',
        message: 'S3: s3://mail-logs/order/mx-2/1 is listed behind order/mx/2, which it sorts before',
      });
      await expect(here().list({ prefix: 'order/' })).rejects.toEqual(unordered);
      const page = await here().list({ prefix: 'order/', maxKeys: 2 });
      expect(page.objects.map(({ key }) => key)).toEqual(['order/mx/1', 'order/mx/2']);
      await expect(here().list({ prefix: 'order/', startAfter: 'order/mx/2' })).rejects.toEqual(unordered);
      // of each directory alone
      for (const prefix of ['order/mx/', 'order/mx-2/']) await here().list({ prefix });
    });

    it('finds nothing under a prefix that nobody uses', async () => {
      expect(await here().list({ prefix: 'nobody/' })).toEqual({ objects: [], more: false });
    });

    it('does not read another version of an object than the one that was listed', async () => {
      await put('changed', 'before');
      const { objects } = await here().list({ prefix: 'changed' });
      await put('changed', 'after');
      await expect(here().open({ key: 'changed', etag: objects[0]?.etag ?? '' })).rejects.toMatchObject({
        code: 's3.object_changed',
      });
    });

    it('tells the current version of one object, or that there is none', async () => {
      await put('head/a b+ü', 'content');
      const { objects } = await here().list({ prefix: 'head/' });
      const found = await here().head({ key: 'head/a b+ü' });
      expect({ ...found, lastModified: '' }).toEqual({ ...objects[0], lastModified: '' });
      expect(Math.abs(Date.parse(found?.lastModified ?? '') - Date.parse(objects[0]?.lastModified ?? ''))).toBeLessThan(
        1000,
      );
      expect(await here().head({ key: 'head/none' })).toBeUndefined();
      // the server's answer is the same
      const elsewhere = store({ endpoint: server.endpoint, bucket: 'no-such-bucket' });
      await expect(elsewhere.head({ key: 'head/none' })).rejects.toMatchObject({ code: 's3.bucket_missing' });
    });

    it('says of an object with a key of its customer that it cannot be read', async () => {
      const key = randomBytes(32);
      await writer.send(
        new PutObjectCommand({
          Bucket: 'mail-logs',
          Key: 'locked',
          Body: 'content',
          SSECustomerAlgorithm: 'AES256',
          SSECustomerKey: key.toString('base64'),
          SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
        }),
      );
      const { objects } = await here().list({ prefix: 'locked' });
      await expect(here().open({ key: 'locked', etag: objects[0]?.etag ?? '' })).rejects.toMatchObject({
        code: 's3.object_refused',
        message: expect.stringMatching(/ s3:\/\/mail-logs\/locked is encrypted with a customer key \(SSE-C\)$/),
        remedy: expect.stringContaining('SSE-C'),
      });
      await expect(here().head({ key: 'locked' })).rejects.toMatchObject({ code: 's3.object_refused' });
    });

    it('names what is missing', async () => {
      await expect(here().open({ key: 'missing', etag: '0'.repeat(32) })).rejects.toMatchObject({
        code: 's3.object_missing',
        message: 'S3: NoSuchKey (404) for s3://mail-logs/missing',
      });
      await expect(
        store({ endpoint: server.endpoint, bucket: 'no-such-bucket' }).list({ prefix: '' }),
      ).rejects.toMatchObject({
        code: 's3.bucket_missing',
      });
    });

    it('names a credential that is wrong, and does not show it', async () => {
      for (const wrong of [
        { ...credentials, secretAccessKey: 'wrong-secret-key' },
        { accessKeyId: 'nobody', secretAccessKey: 'wrong-secret-key' },
      ]) {
        const error: unknown = await store({ endpoint: server.endpoint, credentials: wrong })
          .check({ prefix: '' })
          .catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 's3.unauthorized' });
        expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/wrong-secret-key|AWS4-HMAC/);
      }
    });

    it('checks that objects can be listed and read', async () => {
      await put('check/one', 'content');
      await expect(here().check({ prefix: 'check/' })).resolves.toBeUndefined();
      await expect(here().check({ prefix: 'nobody/' })).resolves.toBeUndefined();
    });

    it('ends with the reason of its signal, before and in the middle of an object', async () => {
      await put('long', 'x'.repeat(8 << 20));
      const { objects } = await here().list({ prefix: 'long' });
      const reason = new Error('cancelled by the caller');
      await expect(here().list({ prefix: '', signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const controller = new AbortController();
      const chunks = await here().open({ key: 'long', etag: objects[0]?.etag ?? '', signal: controller.signal });
      const reading = (async () => {
        for await (const _ of chunks) controller.abort(reason);
      })();
      await expect(reading).rejects.toBe(reason);
    });
  });

  describe('on a server that misbehaves', () => {
    async function failing(listener: RequestListener) {
      const server = await serve(listener);
      closers.push(() => server.close());
      return store({ endpoint: server.url });
    }
    const refusal =
      (status: number, code: string): RequestListener =>
      (_, response) => {
        const xml = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`;
        response.writeHead(status, { 'content-type': 'application/xml' }).end(xml);
      };

    it.each([
      [403, 'AccessDenied', 's3.forbidden', 's3.forbidden'],
      [403, 'InvalidObjectState', 's3.object_archived', 's3.object_archived'],
      [400, 'KMS.DisabledException', 's3.kms_denied', 's3.kms_denied'],
      [400, 'ExpiredToken', 's3.unauthorized', 's3.unauthorized'],
      [400, 'InvalidRequest', 's3.bucket_missing', 's3.object_refused'],
      [400, 'constructor', 's3.bucket_missing', 's3.object_refused'],
      [403, 'RequestTimeTooSkewed', 's3.unavailable', 's3.unavailable'],
      [416, 'InvalidRange', 's3.object_changed', 's3.object_changed'],
      [400, 'AuthorizationHeaderMalformed', 's3.bucket_missing', 's3.bucket_missing'],
      [301, 'PermanentRedirect', 's3.bucket_missing', 's3.bucket_missing'],
      [404, 'NotFound', 's3.bucket_missing', 's3.object_missing'],
      [412, 'PreconditionFailed', 's3.object_changed', 's3.object_changed'],
      [500, 'InternalError', 's3.unavailable', 's3.unavailable'],
      [503, 'SlowDown', 's3.unavailable', 's3.unavailable'],
    ])('names what %i %s means', async (status, name, listing, opening) => {
      const objects = await failing(refusal(status, name));
      await expect(objects.list({ prefix: '' })).rejects.toMatchObject({ code: listing });
      await expect(objects.open({ key: 'k', etag: 'e' })).rejects.toMatchObject({ code: opening });
    });

    it('tells a key that KMS keeps from an object that the store keeps', async () => {
      const message =
        'User: arn:aws:iam::1:user/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/2';
      const objects = await failing((_, response) => {
        response
          .writeHead(403, { 'content-type': 'application/xml' })
          .end(`<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`);
      });
      await expect(objects.open({ key: 'k', etag: 'e' })).rejects.toMatchObject({
        code: 's3.kms_denied',
        remedy: expect.stringContaining('kms:Decrypt'),
      });
    });

    it('knows the words of AWS for an object with a key of its customer', async () => {
      const message =
        'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.';
      const objects = await failing((_, response) => {
        response
          .writeHead(400, { 'content-type': 'application/xml' })
          .end(`<Error><Code>InvalidRequest</Code><Message>${message}</Message></Error>`);
      });
      await expect(objects.open({ key: 'k', etag: 'e' })).rejects.toMatchObject({
        code: 's3.object_refused',
        message: 'S3: InvalidRequest (400): s3://mail-logs/k is encrypted with a customer key (SSE-C)',
      });
    });

    it('asks what is wrong where the answer to HEAD does not say it', async () => {
      const objects = await failing(refusal(400, 'ExpiredToken'));
      await expect(objects.head({ key: 'k' })).rejects.toMatchObject({ code: 's3.unauthorized' });
    });

    it('says that a clock is off', async () => {
      const objects = await failing(refusal(403, 'RequestTimeTooSkewed'));
      await expect(objects.list({ prefix: '' })).rejects.toMatchObject({
        message: 'S3: RequestTimeTooSkewed (403) for s3://mail-logs/: the clock of the worker or the store is off',
      });
    });

    it.each([
      ['there is none', { AWS_EC2_METADATA_DISABLED: 'true' }],
      ['the machine does not give it', { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }],
    ])('asks again for the identity of the worker where %s', async (_, environment) => {
      const unset = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
      for (const name of [...unset, 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'])
        vi.stubEnv(name, undefined);
      for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
      for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
      const objects = store({ endpoint: 'http://127.0.0.1:1', credentials: undefined });
      const expected = {
        code: 's3.no_credentials',
        directive: 'retry',
        message: 'S3: the AWS chain of the worker gave no credentials for s3://mail-logs/',
      };
      await expect(objects.authorize()).rejects.toMatchObject(expected);
      await expect(objects.list({ prefix: '' })).rejects.toMatchObject(expected);
    });

    it('does not ask the store of the lake for the bucket of a source', async () => {
      let asked = 0;
      const lakeStore = await serve((_, response) => {
        asked += 1;
        response.end('<ListBucketResult></ListBucketResult>');
      });
      closers.push(() => lakeStore.close());
      vi.stubEnv('AWS_ENDPOINT_URL_S3', lakeStore.url);
      // a region that is none: nobody else is asked either
      const objects = store({ region: 'xx-nowhere-1' });
      await objects.list({ prefix: '', signal: AbortSignal.timeout(500) }).catch(() => undefined);
      expect(asked).toBe(0);
    });

    it('sees in a listing what is archived and was not restored', async () => {
      const classes = {
        archived: '<StorageClass>GLACIER</StorageClass>',
        deep: '<StorageClass>DEEP_ARCHIVE</StorageClass>',
        instant: '<StorageClass>GLACIER_IR</StorageClass>',
        restored:
          '<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2030-01-01T00:00:00Z</RestoreExpiryDate></RestoreStatus>',
        restoring:
          '<StorageClass>GLACIER</StorageClass><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>',
      };
      const contents = Object.entries(classes).map(([key, xml]) => `<Contents><Key>${key}</Key>${xml}</Contents>`);
      const objects = await failing((_, response) => {
        response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`);
      });
      const listed = (await objects.list({ prefix: '' })).objects;
      const archived = listed.filter((object) => object.archived);
      expect(archived.map(({ key }) => key)).toEqual(['archived', 'deep', 'restoring']);
      const [first] = archived;
      await expect(objects.open({ key: 'archived', etag: 'e', ...first })).rejects.toMatchObject({
        code: 's3.object_archived',
        message: 'S3: s3://mail-logs/archived is archived',
      });
    });

    it.each([
      ['GLACIER', undefined, true],
      ['GLACIER', 'ongoing-request="true"', true],
      ['GLACIER', 'ongoing-request="false", expiry-date="Fri, 21 Dec 2032 00:00:00 GMT"', undefined],
      ['STANDARD', undefined, undefined],
    ])(
      'sees in one object of class %s with restore %s whether it can be read',
      async (storageClass, restore, archived) => {
        const objects = await failing((_, response) => {
          response.setHeader('x-amz-storage-class', storageClass);
          if (restore !== undefined) response.setHeader('x-amz-restore', restore);
          response.writeHead(200, { etag: '"e"', 'content-length': 7 }).end();
        });
        expect((await objects.head({ key: 'k' }))?.archived).toBe(archived);
      },
    );

    it('asks again by itself when the store stumbles', async () => {
      let count = 0;
      const objects = await failing((request, response) => {
        count += 1;
        if (count === 1) return refusal(503, 'SlowDown')(request, response);
        response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
      });
      expect(await objects.list({ prefix: '' })).toEqual({ objects: [], more: false });
    });

    it.each([
      ['is empty', ''],
      ['ends where it began', '<Contents><Key>a</Key><Size>1</Size></Contents>'],
      ['has the token that was sent', '<NextContinuationToken>same</NextContinuationToken>'],
    ])('does not take a page that %s for the end, nor turn in circles', async (_, contents) => {
      let asked = 0;
      const objects = await failing((_request, response) => {
        asked += 1;
        response.end(`<ListBucketResult><IsTruncated>true</IsTruncated>${contents}</ListBucketResult>`);
      });
      await expect(objects.list({ prefix: '', startAfter: 'a' })).rejects.toMatchObject({ code: 's3.unavailable' });
      expect(asked).toBeLessThanOrEqual(2);
    });

    it('goes on by its token behind a page without keys', async () => {
      const asked: (string | null)[][] = [];
      const objects = await failing((request, response) => {
        const query = new URL(request.url ?? '', 'http://store').searchParams;
        asked.push(['start-after', 'continuation-token'].map((name) => query.get(name)));
        const body =
          asked.length < 3
            ? `<IsTruncated>true</IsTruncated><NextContinuationToken>token/${asked.length}=</NextContinuationToken>`
            : '<IsTruncated>true</IsTruncated><Contents><Key>b</Key><Size>1</Size></Contents>';
        response.end(`<ListBucketResult>${body}</ListBucketResult>`);
      });
      const { objects: found, more } = await objects.list({ prefix: '', startAfter: 'a' });
      expect(found.map(({ key }) => key)).toEqual(['b']);
      expect(more).toBe(true);
      expect(asked).toEqual([
        ['a', null],
        ['a', 'token/1='],
        ['a', 'token/2='],
      ]);
    });

    it('gives up a listing that has ever new tokens and no keys', async () => {
      let pages = 0;
      const objects = await failing((_, response) => {
        pages += 1;
        response.end(
          `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${pages}</NextContinuationToken></ListBucketResult>`,
        );
      });
      await expect(objects.list({ prefix: '' })).rejects.toMatchObject({ code: 's3.unavailable' });
      expect(pages).toBe(101);
    });

    it('goes on listing behind a page of nothing but folder markers', async () => {
      const after: (string | null)[] = [];
      const objects = await failing((request, response) => {
        const startAfter = new URL(request.url ?? '', 'http://store').searchParams.get('start-after');
        after.push(startAfter);
        const [key, size, more] = startAfter === null ? ['a/', 0, true] : ['b', 0, false];
        response.end(
          `<ListBucketResult><IsTruncated>${more}</IsTruncated><Contents><Key>${key}</Key><Size>${size}</Size></Contents></ListBucketResult>`,
        );
      });
      const { objects: found, more } = await objects.list({ prefix: '' });
      expect(found.map(({ key }) => key)).toEqual(['b']);
      expect(more).toBe(false);
      expect(after).toEqual([null, 'a/']);
    });

    it('notices an object that ends before its time', async () => {
      const objects = await failing((_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('x', () => setImmediate(() => response.destroy()));
      });
      await expect(objects.open({ key: 'k', etag: 'e' }).then(collect)).rejects.toMatchObject({
        code: 's3.unreachable',
      });
    });

    it('says that nobody is there', async () => {
      const gone = await serve(() => undefined);
      await gone.close();
      await expect(store({ endpoint: gone.url }).list({ prefix: '' })).rejects.toMatchObject({
        code: 's3.unreachable',
        message: 'S3: s3://mail-logs/ cannot be reached (ECONNREFUSED)',
      });
    });

    it('refuses private endpoints, at the latest when it connects', async () => {
      const guarded = { allowPrivateEndpoints: false };
      expect(() => store({ endpoint: 'http://store.example.com', ...guarded })).toThrow(/is not https/);
      expect(() => store({ endpoint: 'https://127.0.0.1:9000', ...guarded })).toThrow(/is a private address/);
      await expect(
        store({ endpoint: 'https://localhost:9000', ...guarded }).list({ prefix: '' }),
      ).rejects.toMatchObject({
        code: 'config.endpoint_refused',
      });
    });
  });
});
