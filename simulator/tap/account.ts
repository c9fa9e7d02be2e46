/** One TAP account: its credential, events, throttle and the log of its requests. */
import type { Clock } from '../clock.ts';
import { seeded } from '../random.ts';
import { wanted } from './body.ts';
import { type TapEvent, tapEvents, type TapStream } from './events.ts';
import { type FaultKind, type Faults, faultPlan } from './faults.ts';
import type { TapEndpoint, TapPool, TapQuery } from './query.ts';
import { rollingThrottle, type Throttle } from './throttle.ts';

export interface TapAccountOptions extends Omit<TapStream, 'seed' | 'tenant'> {
  readonly principal: string;
  readonly secret: string;
  /** Events are created in [startMs, endMs), or until now. */
  readonly startMs: number;
  readonly endMs?: number;
  /** Whose mails the events are about; the principal unless said otherwise. */
  readonly tenant?: string;
  /** False: 403 to every request. */
  readonly entitled?: boolean;
  /** Per pool and rolling 24 hours; the vendor's 1,800 unless said otherwise. */
  readonly requestsPerDay?: number;
  readonly faults?: Faults;
}

export interface TapRequest {
  readonly atMs: number;
  readonly path: string;
  /** Query string as it came. */
  readonly query: string;
  readonly pool: TapPool;
  /** 0 where no answer was given. */
  readonly status: number;
  readonly fault?: FaultKind;
  /** Window that was served, milliseconds. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Events in the answer. */
  readonly events?: number;
}

export interface TapAccount {
  /** What a reader of `/v2/siem/all` that asks for every threatStatus must have in the end: all events created in [startMs, endMs or now), also
   * those not indexed yet. */
  truth(): TapEvent[];
  readonly requests: readonly TapRequest[];
  setSecret(principal: string, secret: string): void;
  setFaults(faults: Faults): void;
}

export interface AccountState {
  readonly options: TapAccountOptions;
  readonly stream: TapStream;
  readonly throttles: Readonly<Record<TapPool, Throttle>>;
  readonly requests: TapRequest[];
  secret: string;
  nextFault: () => FaultKind | undefined;
}

export function openAccount(seed: string, account: TapAccountOptions, defaultFaults: Faults = {}): AccountState {
  const { principal, secret, tenant = principal, requestsPerDay = 1800 } = account;
  return {
    options: account,
    stream: { ...account, seed, tenant },
    throttles: { shared: rollingThrottle(requestsPerDay), 'clicks/permitted': rollingThrottle(requestsPerDay) },
    requests: [],
    secret,
    nextFault: faultPlan(account.faults ?? defaultFaults, seeded(seed, principal, 'faults')),
  };
}

/** The account as the owner of the simulator sees it. */
export function accountView(accounts: Map<string, AccountState>, principal: string, clock: Clock): TapAccount {
  const state = accounts.get(principal);
  if (state === undefined) throw new Error(`no account ${principal} in this simulator`);
  const { startMs, endMs } = state.options;
  return {
    truth: () => tapEvents(state.stream, startMs, Math.min(endMs ?? Infinity, clock.nowMs())),
    requests: state.requests,
    setSecret: (newPrincipal, secret) => {
      for (const [key, other] of accounts) if (other === state) accounts.delete(key);
      accounts.set(newPrincipal, state);
      state.secret = secret;
    },
    setFaults: (faults) => {
      state.nextFault = faultPlan(faults, seeded(state.stream.seed, principal, 'faults', state.requests.length));
    },
  };
}

type Authentication =
  | { readonly accepted: true; readonly state: AccountState }
  /** The account is known where only the secret was wrong. */
  | { readonly accepted: false; readonly state: AccountState | undefined };

export function authenticate(accounts: ReadonlyMap<string, AccountState>, header: string | undefined): Authentication {
  const credentials = Buffer.from(/^Basic (.+)$/i.exec(header ?? '')?.[1] ?? '', 'base64').toString();
  const colon = credentials.indexOf(':');
  const state = accounts.get(credentials.slice(0, Math.max(0, colon)));
  if (state === undefined || credentials.slice(colon + 1) !== state.secret) return { accepted: false, state };
  return { accepted: true, state };
}

/** Created in the window, inside the life of the account, indexed by now. */
export function eventsFor(
  { options, stream }: AccountState,
  query: TapQuery,
  { arrays }: TapEndpoint,
  nowMs: number,
): TapEvent[] {
  const fromMs = Math.max(query.fromMs, options.startMs);
  const toMs = Math.min(query.toMs, options.endMs ?? Infinity);
  return tapEvents(stream, fromMs, toMs).filter(
    (event) => arrays.includes(event.array) && event.indexedAtMs <= nowMs && wanted(event, query),
  );
}
