import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createTapClient, type TapClientOptions, type TapWindow } from '../../../sources/tap/client.ts';
import { asText, collect, serve } from '../streams.ts';

const body = JSON.stringify({ queryEndTime: '2026-01-31T06:00:00Z', messagesDelivered: [{ GUID: 'g1' }] });
const credentials = { principal: 'tenant-principal', secret: 'tenant-secret:with colon' };
const window = { from: '2026-01-31T05:00:00Z', to: '2026-01-31T06:00:00Z' };

describe('createTapClient', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  function client(options: Partial<TapClientOptions> = {}) {
    const created = createTapClient({ version: '1.2.3', allowPrivateEndpoints: true, ...options });
    closers.push(() => created.close());
    return created;
  }

  async function vendor(listener: RequestListener) {
    const server = await serve(listener);
    closers.push(() => server.close());
    return server;
  }

  /** Asks a server that answers like `listener`. */
  async function read(
    listener: RequestListener,
    { signal = new AbortController().signal, ...options }: Partial<TapClientOptions> & { signal?: AbortSignal } = {},
  ): Promise<TapWindow> {
    const { url } = await vendor(listener);
    return client(options).readWindow({ settings: { baseUrl: url }, credentials, ...window, signal });
  }

  /** What asking and then reading the whole answer throws. */
  async function failure(listener: RequestListener, options: Parameters<typeof read>[1] = {}): Promise<unknown> {
    try {
      const answer = await read(listener, options);
      await collect(answer.body);
    } catch (error) {
      return error;
    }
    return undefined;
  }

  const reply =
    (status: number, headers: Record<string, string> = {}, content: string | Uint8Array = ''): RequestListener =>
    (_, response) => {
      response.writeHead(status, headers).end(content);
    };

  it('asks for all events of the window, whatever their status, as the vendor documents it', async () => {
    let seen: IncomingMessage | undefined;
    const answer = await read((request, response) => {
      seen = request;
      response.end(body);
    });
    expect(asText(Buffer.concat(await collect(answer.body)))).toBe(body);
    expect(answer.status).toBe(200);
    const url = new URL(seen?.url ?? '', 'http://vendor');
    expect(seen?.method).toBe('GET');
    expect(url.pathname).toBe('/v2/siem/all');
    expect([...url.searchParams]).toEqual([
      ['format', 'json'],
      ['interval', '2026-01-31T05:00:00Z/2026-01-31T06:00:00Z'],
      ['threatStatus', 'active'],
      ['threatStatus', 'cleared'],
      ['threatStatus', 'falsePositive'],
    ]);
    expect(seen?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('tenant-principal:tenant-secret:with colon').toString('base64')}`,
      'user-agent': 'proofpoint-ingest/1.2.3',
      'accept-encoding': 'gzip',
    });
  });

  it('keeps the path of a base URL', async () => {
    let path = '';
    const { url } = await vendor((request, response) => {
      path = request.url?.split('?')[0] ?? '';
      response.end(body);
    });
    for (const baseUrl of [`${url}/gateway`, `${url}/gateway/`]) {
      const { signal } = new AbortController();
      const answer = await client().readWindow({ settings: { baseUrl }, credentials, ...window, signal });
      await collect(answer.body);
      expect(path).toBe('/gateway/v2/siem/all');
    }
  });

  it.each(['gzip', 'GZip', 'x-gzip'])('decompresses what is called %s', async (encoding) => {
    const answer = await read(reply(200, { 'content-encoding': encoding }, gzipSync(body)));
    expect(asText(Buffer.concat(await collect(answer.body)))).toBe(body);
  });

  it('takes 204 for a window without events', async () => {
    const answer = await read(reply(204));
    expect(answer.status).toBe(204);
    expect(await collect(answer.body)).toEqual([]);
  });

  it.each([
    [400, 'tap.bad_request'],
    [401, 'tap.unauthorized'],
    [403, 'tap.forbidden'],
    [404, 'tap.not_found'],
    [407, 'tap.bad_request'],
    [408, 'tap.unavailable'],
    [429, 'tap.throttled'],
    [500, 'tap.unavailable'],
    [502, 'tap.unavailable'],
    [503, 'tap.unavailable'],
    [206, 'tap.bad_body'],
  ])('names what %i means', async (status, code) => {
    const error = await failure(reply(status, {}, 'whatever'));
    expect(error).toMatchObject({ code, message: expect.stringContaining(`${status} from 127.0.0.1:`) });
  });

  it('tells a window that is too old from other bad requests, and quotes the vendor', async () => {
    const text = 'The requested start time is too far into the past. Requests for information up to 7.00d are accepted';
    expect(await failure(reply(400, {}, text))).toMatchObject({
      code: 'tap.too_far_back',
      message: expect.stringContaining(text),
    });
    expect(await failure(reply(400, {}, 'The requested interval is too short\n\u0007'))).toMatchObject({
      code: 'tap.bad_request',
      message: expect.stringMatching(/: The requested interval is too short$/),
    });
  });

  it.each([
    ['a web page', 400, '<html><body>private page</body></html>'],
    ['other refusals', 403, 'private page'],
  ])('does not quote %s', async (_, status, text) => {
    expect(String(await failure(reply(status, {}, text)))).not.toContain('private');
  });

  it('reads no more of an endless error than it needs', async () => {
    const endless = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(400);
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(65_536), () => setImmediate(more));
      };
      more();
    };
    const error = await failure(endless);
    expect(error).toMatchObject({ code: 'tap.bad_request' });
    expect(String(error).length).toBeLessThan(400);
  });

  it.each([
    ['120', 120],
    ['0', 0],
    [new Date(Date.now() + 90_000).toUTCString(), expect.closeTo(90, -1)],
    ['Sat, 01 Jan 2000 00:00:00 GMT', 0],
    ['999999999', 86_400],
    ['soon', undefined],
  ])('understands Retry-After: %s', async (value, retryAfterSeconds) => {
    const error = await failure(reply(429, { 'retry-after': value }));
    expect(error).toMatchObject({ code: 'tap.throttled' });
    expect(error).toHaveProperty('retryAfterSeconds', retryAfterSeconds);
  });

  it('waits for nothing in particular when the vendor names no time', async () => {
    expect(await failure(reply(429))).toHaveProperty('retryAfterSeconds', undefined);
  });

  it('does not carry the credential along a redirect', async () => {
    let asked = false;
    const elsewhere = await vendor((_, response) => {
      asked = true;
      response.end(body);
    });
    expect(await failure(reply(302, { location: elsewhere.url }))).toMatchObject({ code: 'tap.not_found' });
    expect(asked).toBe(false);
  });

  it('takes a web page for no answer, though its status is 200', async () => {
    const error = await failure(reply(200, { 'content-type': 'text/html; charset=utf-8' }, '<html>sign in</html>'));
    expect(error).toMatchObject({ code: 'tap.bad_body' });
  });

  const cut =
    (headers: Record<string, string>, content: string | Uint8Array): RequestListener =>
    (_, response) => {
      response.writeHead(200, headers).write(content, () => setImmediate(() => response.destroy()));
    };
  const zipped = gzipSync(body.repeat(100));
  it.each([
    ['announced length', cut({ 'content-length': '100000' }, body)],
    ['chunks', cut({}, body)],
    ['gzip', reply(200, { 'content-encoding': 'gzip' }, zipped.subarray(0, -20))],
    [
      'gzip checksum',
      reply(200, { 'content-encoding': 'gzip' }, Buffer.concat([zipped.subarray(0, -8), zipped.subarray(0, 8)])),
    ],
  ])('notices a body that ends before its time: %s', async (_, listener) => {
    expect(await failure(listener)).toMatchObject({ code: 'tap.bad_body' });
  });

  const impatient = { timeoutsMs: { connect: 500, headers: 500, body: 500 } };
  it('gives up on a vendor that does not begin to answer', async () => {
    expect(await failure(() => undefined, impatient)).toMatchObject({ code: 'tap.unavailable' });
  });

  it('gives up on a vendor that stops in the middle of its answer', async () => {
    const stalled: RequestListener = (_, response) => void response.writeHead(200).write('{"messagesDelivered":[');
    expect(await failure(stalled, impatient)).toMatchObject({ code: 'tap.unavailable' });
  });

  it('says that nobody is there', async () => {
    expect(await failure((_, response) => void response.socket?.resetAndDestroy())).toMatchObject({
      code: 'tap.unreachable',
      message: expect.stringMatching(/\(ECONNRESET\)|\(UND_ERR_SOCKET\)/),
    });
    const gone = await serve(reply(200));
    await gone.close();
    const { signal } = new AbortController();
    await expect(
      client().readWindow({ settings: { baseUrl: gone.url }, credentials, ...window, signal }),
    ).rejects.toMatchObject({ code: 'tap.unreachable', message: expect.stringContaining('ECONNREFUSED') });
  });

  it('ends with the reason of its signal, before and in the middle of an answer', async () => {
    for (const begin of ['', '{"messagesDelivered":[']) {
      const controller = new AbortController();
      const reason = new Error('cancelled by the caller');
      const listener: RequestListener = (_, response) => {
        if (begin !== '') response.writeHead(200).write(begin);
        void sleep(50).then(() => controller.abort(reason));
      };
      expect(await failure(listener, { signal: controller.signal })).toBe(reason);
    }
  });

  it('takes a timeout of the caller for a slow vendor', async () => {
    expect(await failure(() => undefined, { signal: AbortSignal.timeout(50) })).toMatchObject({
      code: 'tap.unavailable',
    });
  });

  it('refuses private addresses before anything is sent', async () => {
    let asked = false;
    const { port } = await vendor(() => {
      asked = true;
    });
    const guarded = client({ allowPrivateEndpoints: false });
    const { signal } = new AbortController();
    // The last one is found out when it is connected to.
    for (const baseUrl of [`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`, `https://localhost:${port}`]) {
      await expect(guarded.readWindow({ settings: { baseUrl }, credentials, ...window, signal })).rejects.toMatchObject(
        { code: 'config.endpoint_refused' },
      );
    }
    expect(asked).toBe(false);
  });

  it('shows the secret in no error', async () => {
    const errors = [
      await failure(reply(400, {}, 'no')),
      await failure(reply(401)),
      await failure((_, response) => void response.destroy()),
      await failure(() => undefined, impatient),
      await failure(cut({}, body)),
    ];
    const shown = inspect(errors, { depth: 20, showHidden: true });
    expect(shown).toContain('tap.unauthorized');
    expect(shown).not.toContain('tenant-secret');
    expect(shown).not.toContain('Basic ');
  });

  it("tells how far the vendor's clock is off, however long the body takes", async () => {
    const answer = await read((_, response) => {
      response.writeHead(200, { date: new Date(Date.now() - 3_600_000).toUTCString() }).write('{');
      setTimeout(() => response.end('}'), 3500);
    });
    expect(asText(Buffer.concat(await collect(answer.body)))).toBe('{}');
    expect(answer.clockSkewSeconds).toBeGreaterThanOrEqual(-3602);
    expect(answer.clockSkewSeconds).toBeLessThanOrEqual(-3600);
    const other = await read(reply(200, { date: new Date(Date.now() + 3_600_000).toUTCString() }, body));
    await collect(other.body);
    expect(other.clockSkewSeconds).toBeGreaterThan(3595);
  });
});
