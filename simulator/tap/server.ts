/** A TAP SIEM API on 127.0.0.1 that behaves as documented, bad manners included, and knows what a complete reader must have. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, realClock } from '../clock.ts';
import { type Random, seeded } from '../random.ts';
import {
  type AccountState,
  accountView,
  authenticate,
  eventsFor,
  openAccount,
  type TapAccount,
  type TapAccountOptions,
  type TapRequest,
} from './account.ts';
import { jsonBody, syslogBody } from './body.ts';
import type { TapEvent } from './events.ts';
import type { FaultKind, Faults } from './faults.ts';
import { parseQuery, type TapEndpoint, tapEndpoints, type TapQuery } from './query.ts';
import { html, send, spoil, text } from './reply.ts';

export interface TapSimulatorOptions {
  readonly seed: string;
  readonly accounts: readonly TapAccountOptions[];
  readonly clock?: Clock;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** For accounts that have none of their own. */
  readonly faults?: Faults;
  /** How far the Date header is ahead of the clock, milliseconds. */
  readonly dateSkewMs?: number;
  /** The vendor sends no Retry-After with its 429. */
  readonly retryAfter?: boolean;
  /** Compress for clients that accept it. */
  readonly gzip?: boolean;
  /** Pause of the fault `slow`, milliseconds. */
  readonly slowMs?: number;
}

export interface TapSimulator {
  readonly url: string;
  account(principal: string): TapAccount;
  close(): Promise<void>;
}

export async function startTapSimulator(options: TapSimulatorOptions): Promise<TapSimulator> {
  const clock = options.clock ?? realClock;
  const accounts = new Map(
    options.accounts.map((account) => [account.principal, openAccount(options.seed, account, options.faults)]),
  );
  const server = createServer((request, response) => {
    response.setHeader('Date', new Date(clock.nowMs() + (options.dateSkewMs ?? 0)).toUTCString());
    void answer({ options, clock, accounts, request, response });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    account: (principal) => accountView(accounts, principal, clock),
    close: () => close(server),
  };
}

interface Exchange {
  readonly options: TapSimulatorOptions;
  readonly clock: Clock;
  readonly accounts: ReadonlyMap<string, AccountState>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer({ options, clock, accounts, request, response }: Exchange): Promise<void> {
  const nowMs = clock.nowMs();
  const url = new URL(request.url ?? '/', 'http://simulator');
  const endpoint = tapEndpoints.get(url.pathname);
  if (endpoint === undefined) return text(response, 404, 'Not Found');
  if (request.method !== 'GET') return text(response, 405, 'Method Not Allowed');

  const account = authenticate(accounts, request.headers.authorization);
  const { pool } = endpoint;
  const log = (entry: Omit<TapRequest, 'atMs' | 'path' | 'query' | 'pool'>) =>
    account.state?.requests.push({ atMs: nowMs, path: url.pathname, query: url.search.slice(1), pool, ...entry });
  const refuse = (status: number, words: string, fault?: FaultKind) => {
    log({ status, ...(fault === undefined ? {} : { fault }) });
    text(response, status, words);
  };

  if (!account.accepted) return refuse(401, 'Unauthorized');
  const { state } = account;
  if (state.options.entitled === false) return refuse(403, 'Forbidden');
  const throttle = state.throttles[pool];
  if (!throttle.allow(nowMs)) {
    if (options.retryAfter === true) response.setHeader('Retry-After', throttle.waitSeconds(nowMs));
    return refuse(429, 'Too Many Requests');
  }
  const query = parseQuery(url.searchParams, nowMs);
  if (typeof query === 'string') return refuse(400, query);

  const fault = state.nextFault();
  switch (fault) {
    case 'throttled':
      return refuse(429, 'Too Many Requests', fault);
    case 'server_error':
      return refuse(500, 'Internal Server Error', fault);
    case 'bad_gateway':
      return html(() => refuse(502, '<html><body><h1>502 Bad Gateway</h1></body></html>', fault), response);
    case 'wrong_type':
      return html(() => refuse(200, '<html><body>Sign in to continue</body></html>', fault), response);
    case 'hang':
      log({ status: 0, fault });
      return;
    case 'reset':
    case 'truncated':
    case 'cut':
    case 'slow':
    case 'colon_key':
    case 'no_query_end_time':
    case undefined:
  }

  const events = eventsFor(state, query, endpoint, nowMs);
  const empty = query.format === 'syslog' && events.length === 0;
  const { fromMs, toMs } = query;
  log({ status: empty ? 204 : 200, fromMs, toMs, events: events.length, ...(fault === undefined ? {} : { fault }) });
  if (empty) {
    response.writeHead(204).end();
    return;
  }
  response.statusCode = 200;
  response.setHeader(
    'Content-Type',
    query.format === 'json' ? 'application/json;charset=UTF-8' : 'text/plain;charset=UTF-8',
  );
  const random = seeded(options.seed, state.options.principal, 'answer', state.requests.length);
  const body = bodyOf({ query, endpoint, events, random, fault });
  if (fault === 'reset' || fault === 'truncated' || fault === 'cut' || fault === 'slow') {
    await spoil(response, Buffer.from([...body].join('')), fault, options.slowMs ?? 2000);
  } else {
    await send({ response, body, compress: options.gzip === true && acceptsGzip(request) });
  }
}

function bodyOf(of: {
  query: TapQuery;
  endpoint: TapEndpoint;
  events: readonly TapEvent[];
  random: Random;
  fault: FaultKind | undefined;
}): Generator<string> {
  if (of.query.format === 'syslog') return syslogBody(of.events);
  return jsonBody({
    events: of.events,
    arrays: of.endpoint.arrays,
    toMs: of.query.toMs,
    random: of.random,
    defects: { colonKey: of.fault === 'colon_key', noQueryEndTime: of.fault === 'no_query_end_time' },
  });
}

const acceptsGzip = (request: IncomingMessage) => /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
