import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMessageQueues, createObjectStores } from '../../../activities/dependencies.ts';
import { createFingerprintSecrets } from '../../../activities/fingerprint-secrets.ts';
import { startS3Server, type S3Server } from '../../../scripts/stack/s3-server.ts';
import { type S3Settings, s3Settings } from '../../../sources/settings.ts';
import { serve } from '../streams.ts';

/** Those that the store knows; sources get them by the role only. */
const roleKeys = { accessKeyId: 'of-the-role', secretAccessKey: 'role-secret-key' };
const secrets = { KEY: 'of-the-source', SECRET: 'source-secret-key', EXTERNAL: 'agreed-upon', OTHER: 'guessed' };
const roleArn = 'arn:aws:iam::123456789012:role/logs/reader';

describe('assumeRole', () => {
  let server: S3Server;
  let dataDir = '';
  const closers: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 's3-'));
    server = await startS3Server({ dataDir, ...roleKeys });
    const writer = new S3Client({
      region: 'us-east-1',
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: { ...roleKeys },
    });
    await writer.send(new CreateBucketCommand({ Bucket: 'mail-logs' }));
    await writer.send(new PutObjectCommand({ Bucket: 'mail-logs', Key: 'one', Body: 'content' }));
    writer.destroy();
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.unstubAllEnvs();
    for (const close of closers.splice(0)) await close();
  });
  afterAll(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** A token service that trusts one key and one external id, and whose keys last `lifeSeconds`. */
  async function startTokenService({ lifeSeconds = 3600, status = 200 } = {}) {
    const calls: { form: Record<string, string>; authorization: string }[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const form = Object.fromEntries(new URLSearchParams(await text(request)));
      const authorization = request.headers.authorization ?? '';
      calls.push({ form, authorization });
      const refuse = (code: string, as: number): void => {
        response
          .writeHead(as, { 'content-type': 'text/xml' })
          .end(`<ErrorResponse><Error><Code>${code}</Code><Message>m</Message></Error></ErrorResponse>`);
      };
      if (status !== 200) return refuse(status === 400 ? 'RequestExpired' : 'ServiceUnavailable', status);
      if (!authorization.includes('Credential=of-the-source/')) return refuse('InvalidClientTokenId', 403);
      if (form['ExternalId'] !== 'agreed-upon') return refuse('AccessDenied', 403);
      const expiration = new Date(Date.now() + lifeSeconds * 1000).toISOString();
      response
        .writeHead(200, { 'content-type': 'text/xml' })
        .end(
          `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>${roleKeys.accessKeyId}</AccessKeyId><SecretAccessKey>${roleKeys.secretAccessKey}</SecretAccessKey><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
        );
    };
    const service = await serve((request, response) => void answer(request, response));
    closers.push(() => service.close());
    return { calls, url: service.url };
  }

  function settingsFor(tokenService: string, changes: Partial<S3Settings['assumeRole']> = {}, keys = 'env:KEY') {
    return s3Settings.parse({
      kind: 's3',
      table: 'proofpoint_gateway_filter_logs',
      bucket: 'mail-logs',
      endpoint: server.endpoint,
      region: 'eu-central-1',
      accessKeyId: keys,
      secretAccessKey: 'env:SECRET',
      assumeRole: { roleArn, externalId: 'env:EXTERNAL', endpoint: tokenService, ...changes },
    });
  }

  function stores(allowPrivateEndpoints = true, environment: NodeJS.ProcessEnv = secrets) {
    const created = createObjectStores({ secrets: environment, allowPrivateEndpoints });
    closers.push(() => created.close());
    return created;
  }

  it('reads with the keys of the role, which the keys of the source get with the external id', async () => {
    const { calls, url } = await startTokenService();
    const store = await stores().of(settingsFor(url));
    await store.check({ prefix: '' });
    await store.check({ prefix: '' });
    expect(calls.map(({ form }) => form)).toEqual([
      expect.objectContaining({
        Action: 'AssumeRole',
        RoleArn: roleArn,
        ExternalId: 'agreed-upon',
        RoleSessionName: 'proofpoint-ingest-mail-logs',
      }),
    ]);
    expect(calls[0]?.authorization).toMatch(/Credential=of-the-source\/\d{8}\/eu-central-1\/sts\/aws4_request/);
  });

  it('asks for new keys when the old ones end', async () => {
    const { calls, url } = await startTokenService({ lifeSeconds: 1 });
    const store = await stores().of(settingsFor(url));
    await store.list({ prefix: '' });
    await store.list({ prefix: '' });
    expect(calls.length).toBeGreaterThanOrEqual(2);
  });

  it('signs for the queue of a source with the same keys', async () => {
    const { url } = await startTokenService();
    const signedBy: string[] = [];
    const queue = await serve((request, response) => {
      signedBy.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '');
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"Attributes":{}}');
    });
    closers.push(() => queue.close());
    const queues = createMessageQueues({ secrets, allowPrivateEndpoints: true });
    closers.push(() => queues.close());
    const { assumeRole: _, ...plain } = settingsFor(url);
    for (const reader of [settingsFor(url), plain]) {
      const opened = await queues.of({ queueUrl: `${queue.url}/123456789012/logs`, region: 'us-east-1', reader });
      expect(await opened.depth()).toEqual({ waiting: 0, inFlight: 0 });
    }
    expect(signedBy).toEqual([roleKeys.accessKeyId, secrets.KEY]);
  });

  it.each([
    ['another external id', { externalId: 'env:OTHER' }, 'env:KEY', 200, 's3.role_refused', 'AccessDenied (403)'],
    ['no external id', { externalId: undefined }, 'env:KEY', 200, 's3.role_refused', 'AccessDenied (403)'],
    ['a wrong key', {}, 'env:OTHER', 200, 's3.unauthorized', 'InvalidClientTokenId (403)'],
    ['a failing service', {}, 'env:KEY', 503, 's3.unavailable', 'ServiceUnavailable (503)'],
    ['a clock that is off', {}, 'env:KEY', 400, 's3.unavailable', 'RequestExpired (400)'],
  ])('names what stands in the way: %s', async (_, changes, key, status, code, words) => {
    const { url } = await startTokenService({ status });
    const store = await stores().of(settingsFor(url, changes, key));
    await expect(store.authorize()).rejects.toMatchObject({ code });
    const error: unknown = await store.list({ prefix: '' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message: expect.stringContaining(`STS: ${words} for ${roleArn}`) });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/source-secret-key|guessed|AWS4-HMAC/);
  });

  it('says that no token service is there, and refuses a private one', async () => {
    const gone = await serve(() => undefined);
    await gone.close();
    await expect((await stores().of(settingsFor(gone.url))).list({ prefix: '' })).rejects.toMatchObject({
      code: 's3.unreachable',
      message: `STS: no answer for ${roleArn} (ECONNREFUSED)`,
    });
    const { endpoint: _, ...guarded } = settingsFor('https://10.0.0.1');
    await expect(stores(false).of(guarded)).rejects.toMatchObject({ code: 'config.endpoint_refused' });
    await expect(
      (
        await stores(false).of({
          ...guarded,
          assumeRole: { roleArn, externalId: 'env:EXTERNAL', endpoint: 'https://localhost:1' },
        })
      ).list({ prefix: '' }),
    ).rejects.toMatchObject({ code: 'config.endpoint_refused' });
  });

  it('keeps one store for the same access, and another for another role, id, key or payer', async () => {
    const all = stores();
    const settings = settingsFor('http://127.0.0.1:1');
    const variants = [
      settings,
      { ...settings, requesterPays: true },
      settingsFor('http://127.0.0.1:1', { externalId: 'env:OTHER' }),
      settingsFor('http://127.0.0.1:1', { roleArn: `${roleArn}2` }),
      settingsFor('http://127.0.0.1:1', {}, 'env:OTHER'),
    ];
    const opened = await Promise.all(variants.map((variant) => all.of(variant)));
    expect(new Set(opened).size).toBe(variants.length);
    expect(await all.of({ ...settings, prefix: 'elsewhere/' })).toBe(opened[0]);
  });

  it('makes another store when a secret changes, and closes the one before when nobody has asked for it for an hour', async () => {
    vi.useFakeTimers();
    const environment = { ...secrets };
    const all = stores(true, environment);
    const settings = settingsFor('http://127.0.0.1:1');
    const closed: string[] = [];
    const watched = async (name: string) => {
      const store = await all.of(settings);
      vi.spyOn(store, 'close').mockImplementation(() => void closed.push(name));
      return store;
    };
    const before = await watched('before');
    environment.SECRET = 'rotated-secret-key';
    const after = await watched('after');
    expect(after).not.toBe(before);
    await vi.advanceTimersByTimeAsync(59 * 60_000);
    expect(closed).toEqual([]);
    expect(await all.of(settings)).toBe(after);
    await vi.advanceTimersByTimeAsync(2 * 60_000);
    expect(closed).toEqual(['before']);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(closed).toEqual(['before', 'after']);
    const anew = await watched('anew');
    expect(anew).not.toBe(after);
    all.close();
    expect(closed).toEqual(['before', 'after', 'anew']);
  });

  it('does not ask the token service of the worker for the role of a source', async () => {
    const { calls, url } = await startTokenService();
    vi.stubEnv('AWS_ENDPOINT_URL_STS', url);
    // a region that is none: nobody else is asked either
    const { endpoint: _, ...settings } = settingsFor(url, { endpoint: undefined });
    const store = await stores().of({ ...settings, region: 'xx-nowhere-1' });
    const asking = store.authorize().catch(() => undefined);
    await Promise.race([asking, new Promise((resolve) => setTimeout(resolve, 500))]);
    expect(calls).toEqual([]);
  });

  it('says that nothing is there to assume the role with', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE']) vi.stubEnv(name, undefined);
    for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    const { accessKeyId: _, secretAccessKey: __, ...settings } = settingsFor('http://127.0.0.1:1');
    await expect((await stores().of(settings)).authorize()).rejects.toMatchObject({
      code: 's3.no_credentials',
      message: `STS: there are no credentials for ${roleArn}`,
    });
  });

  it('takes a changed external id for a changed secret', async () => {
    const name = { tenantId: 'acme', sourceId: 'filter', settings: settingsFor('http://127.0.0.1:1') };
    const print = (environment: NodeJS.ProcessEnv) =>
      createFingerprintSecrets({ secrets: environment } as Parameters<typeof createFingerprintSecrets>[0])(name);
    expect(await print({ ...secrets, EXTERNAL: 'agreed-anew' })).not.toBe(await print(secrets));
    expect(await print({ ...secrets, EXTERNAL: undefined })).toBe('missing');
  });
});
