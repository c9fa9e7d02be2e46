/** Reads windows of the TAP SIEM API: https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API */
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Agent, request, type Dispatcher } from 'undici';
import { IngestError } from '../../errors/ingest-error.ts';
import { nowMs } from '../clock.ts';
import { checkEndpoint, publicLookup } from '../endpoint.ts';
import type { TapSettings } from '../settings.ts';
import { castTapError, castTapStatus } from './errors.ts';
import { clockSkewSeconds } from './vendor-clock.ts';

export interface TapClientOptions {
  /** As it stands in the User-Agent. */
  readonly version: string;
  readonly allowPrivateEndpoints: boolean;
  /** Longest wait for a connection, for the head of an answer, and between two pieces of its body. */
  readonly timeoutsMs?: { readonly connect: number; readonly headers: number; readonly body: number };
}

export interface TapWindowRequest {
  readonly settings: Pick<TapSettings, 'baseUrl'>;
  readonly credentials: { readonly principal: string; readonly secret: string };
  /** Half-open window, ISO times in whole UTC minutes. */
  readonly from: string;
  readonly to: string;
  readonly signal: AbortSignal;
}

export interface TapWindow {
  /** 204 means no events, and an empty body. */
  readonly status: 200 | 204;
  /** Decompressed. To be iterated once, and always: the connection is held until then. Throws what `readWindow` throws. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Vendor's clock minus ours, seconds; undefined where the answer has no `Date` header. */
  readonly clockSkewSeconds: number | undefined;
}

export interface TapClient {
  /** Throws IngestError `tap.…` or `config.endpoint_refused`, and the signal's reason when it aborts. */
  readWindow(request: TapWindowRequest): Promise<TapWindow>;
  close(): Promise<void>;
}

/** An hour of a big tenant takes the vendor a while before its first byte comes. */
const defaultTimeoutsMs = { connect: 10_000, headers: 180_000, body: 60_000 };

const errorBytesMax = 4096;

/** https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3 */
const gzipNames = new Set(['gzip', 'x-gzip']);

/** One client serves all tenants of a process; connections are kept per base URL. */
export function createTapClient(options: TapClientOptions): TapClient {
  const { version, allowPrivateEndpoints, timeoutsMs = defaultTimeoutsMs } = options;
  const agent = new Agent({
    connections: 64,
    connect: { timeout: timeoutsMs.connect, ...(allowPrivateEndpoints ? {} : { lookup: publicLookup }) },
    headersTimeout: timeoutsMs.headers,
    bodyTimeout: timeoutsMs.body,
  });

  async function readWindow({ settings, credentials, from, to, signal }: TapWindowRequest): Promise<TapWindow> {
    const url = checkEndpoint(settings.baseUrl, { allowPrivateEndpoints });
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v2/siem/all`;
    const place = `${url.host}${url.pathname}`;
    // By default the vendor leaves false positives out.
    url.search = new URLSearchParams([
      ['format', 'json'],
      ['interval', `${from}/${to}`],
      ['threatStatus', 'active'],
      ['threatStatus', 'cleared'],
      ['threatStatus', 'falsePositive'],
    ]).toString();
    let answer: Dispatcher.ResponseData;
    const askedMs = nowMs();
    try {
      answer = await request(url, {
        dispatcher: agent,
        signal,
        headers: {
          authorization: `Basic ${Buffer.from(`${credentials.principal}:${credentials.secret}`).toString('base64')}`,
          accept: 'application/json',
          'accept-encoding': 'gzip',
          'user-agent': `proofpoint-ingest/${version}`,
        },
      });
    } catch (error) {
      throw castTapError(error, { place, phase: 'asking', signal });
    }
    const answeredMs = nowMs();
    const status = answer.statusCode;
    const body = readBody(answer, { place, signal });
    const skew = clockSkewSeconds({ date: header(answer, 'date'), askedMs, answeredMs });
    const isPage = header(answer, 'content-type')?.includes('html') === true;
    if (status === 200 && !isPage) return { status, body, clockSkewSeconds: skew };
    const text = await readBeginning(body);
    if (status === 204) return { status, body: nothing(), clockSkewSeconds: skew };
    if (status === 200) throw new IngestError('tap.bad_body', `TAP: ${place} answered with a web page`);
    throw castTapStatus({ place, status, retryAfter: header(answer, 'retry-after'), text, nowMs: Date.now() });
  }

  return { readWindow, close: () => agent.destroy() };
}

function header(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

async function* readBody(
  answer: Dispatcher.ResponseData,
  { place, signal }: { place: string; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  // Nothing else than gzip was asked for. Errors of either stream reach the loop through the second one.
  const zipped = gzipNames.has(header(answer, 'content-encoding')?.trim().toLowerCase() ?? '');
  const stream: Readable = zipped ? pipeline(answer.body, createGunzip(), () => undefined) : answer.body;
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw castTapError(error, { place, phase: 'reading', signal });
  }
}

/** Enough of an error's body to say what it is; a body that cannot be read must not hide the status. */
async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of body) {
      parts.push(part);
      sizeBytes += part.length;
      if (sizeBytes >= errorBytesMax) break;
    }
  } catch {
    // What came is all there is.
  }
  return Buffer.concat(parts).subarray(0, errorBytesMax).toString('utf8');
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
