/** The state of a notification queue: what its workflow carries from run to run, and what it shows. Pure. */
import type { DrainedQueue } from '../activities/contracts.ts';
import type { SourceName } from '../sources/batch.ts';
import type { QueueRoute, QueueSettings } from '../sources/s3/queue-routes.ts';
import { noTotals, type SourceError, type Totals } from './source-state.ts';

/** `running` more waits · `idle` empty · `backoff` failing, tried again by itself · `blocked` failing, an operator must act · `paused` */
export type QueueCondition = 'running' | 'idle' | 'backoff' | 'blocked' | 'paused';

export interface QueueTotals extends Totals {
  readonly received: number;
  readonly done: number;
  /** Letters: kept in the lake, see `ppi notifications letters`. */
  readonly kept: number;
  /** Objects whose loading failed; their messages come again. */
  readonly failed: number;
}

export interface QueueState {
  readonly paused?: { readonly reason: string };
  readonly consecutiveErrors: number;
  readonly lastError?: SourceError;
  readonly totals: QueueTotals;
  /** The source whose credentials read the queue; absent: the first one. */
  readonly reader?: SourceName;
  /** Messages about objects of no source, by bucket; the first few buckets. */
  readonly foreign: Readonly<Record<string, number>>;
}

/** Input of the workflow: `state` is absent on the very first run. */
export interface QueueInput {
  readonly settings: QueueSettings;
  readonly state?: QueueState;
}

/** Answer of the `status` query and of every Update. */
export interface QueueStatus extends Omit<QueueState, 'paused'> {
  readonly queue: string;
  readonly condition: QueueCondition;
  readonly pauseReason?: string;
  /** ISO time of the next look; absent while paused, and while it looks with nothing else planned. */
  readonly nextLookAt?: string;
  readonly settings: QueueSettings;
}

const foreignBucketsMax = 20;

export function newQueueState(): QueueState {
  return { consecutiveErrors: 0, totals: { ...noTotals, received: 0, done: 0, kept: 0, failed: 0 }, foreign: {} };
}

export function withDrained(state: QueueState, drained: DrainedQueue): QueueState {
  const { totals } = state;
  const foreign = { ...state.foreign };
  for (const [bucket, messages] of Object.entries(drained.foreign)) {
    const known = foreign[bucket];
    if (known !== undefined || Object.keys(foreign).length < foreignBucketsMax)
      foreign[bucket] = (known ?? 0) + messages;
  }
  return {
    ...state,
    foreign,
    totals: {
      batches: totals.batches + (drained.loaded.batches ?? 0),
      records: totals.records + drained.loaded.records,
      rowsAdded: totals.rowsAdded + drained.loaded.rowsAdded,
      deadLetters: totals.deadLetters + drained.loaded.deadLetters,
      received: totals.received + drained.received,
      done: totals.done + drained.done,
      kept: totals.kept + drained.kept,
      failed: totals.failed + drained.failed.length,
    },
  };
}

/** After a look that worked; an object that could not be loaded is shown until the next look. */
export function withOutcome(
  state: QueueState,
  failed: DrainedQueue['failed'][number] | undefined,
  at: string,
): QueueState {
  const { lastError: _, ...rest } = state;
  const healthy = { ...rest, consecutiveErrors: 0 };
  if (failed === undefined) return healthy;
  const { tenantId, sourceId, code, message, remedy } = failed;
  return { ...healthy, lastError: { code, message: `${tenantId}/${sourceId}: ${message}`, remedy, at } };
}

/** The route whose credentials read the queue: the first one, until it fails by a fault of its own. */
export function readerOf({ routes }: QueueSettings, { reader }: QueueState): QueueRoute | undefined {
  return routes.find((route) => isSame(route, reader)) ?? routes[0];
}

/** After the last route comes the first. */
export function withNextReader(state: QueueState, settings: QueueSettings): QueueState {
  const { routes } = settings;
  const current = readerOf(settings, state);
  const next = routes[(routes.findIndex((route) => isSame(route, current)) + 1) % routes.length];
  return next === undefined ? state : { ...state, reader: { tenantId: next.tenantId, sourceId: next.sourceId } };
}

/** Failures that tell of one source's credentials only: another's may read the queue. */
const ownCodes: ReadonlySet<string> = new Set([
  'secret.missing',
  's3.unauthorized',
  's3.no_credentials',
  's3.role_refused',
  'queue.denied',
]);

export function isOwnOfReader(code: string): boolean {
  return ownCodes.has(code);
}

function isSame(route: SourceName, other: SourceName | undefined): boolean {
  return route.tenantId === other?.tenantId && route.sourceId === other.sourceId;
}

export interface RoutePause extends SourceName {
  readonly paused: boolean;
}

export function withRoutePaused(settings: QueueSettings, { tenantId, sourceId, paused }: RoutePause): QueueSettings {
  const routes = settings.routes.map((route) => {
    if (route.tenantId !== tenantId || route.sourceId !== sourceId) return route;
    const { paused: _, ...open } = route;
    return paused ? { ...open, paused: true as const } : open;
  });
  return { ...settings, routes };
}
