/** Real workflows on a real server, for tests of what they decide: the activities play the outside world, each tenant another one. */
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import type {
  FailureDetails,
  FingerprintSecretsInput,
  FetchTapWindowInput,
  ListedObjects,
  ListObjectsInput,
  LoadBatchInput,
  LoadedObjects,
  LoadObjectsInput,
  RecordGapInput,
} from '../../activities/contracts.ts';
import { sourceStatus, startSource, updateSource } from '../../scripts/source-registry.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { batchId } from '../../sources/batch.ts';
import { keyTimeMs } from '../../sources/s3/key-time.ts';
import { s3Settings, tapSettings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import { noTotals, type SourceState, type SourceStatus, workflowIdOf } from '../../workflows/source-state.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export const taskQueue = 'source-test';
interface Call {
  readonly activity: string;
  readonly tenantId: string;
  readonly from?: string;
  readonly to?: string;
  readonly key?: string;
  readonly pass?: string;
  readonly readAt?: string;
}
const calls: Call[] = [];
export const failures = new Map<string, ApplicationFailure>();
export const objects = new Map<string, string[]>();
/** Objects that were loaded, as `TENANT KEY`. */
const inLedger = new Set<string>();
/** Of a List request in this world. */
const keysPerList = 10;
/** Of a tenant's objects; 1 unless said. */
export const sizes = new Map<string, number>();
/** Resolved when a tenant's objects may be loaded. */
export const gates = new Map<string, Promise<void>>();
/** What a tenant's vendor is like, where it is not perfect. */
export const vendors = new Map<
  string,
  { readonly clockSkewSeconds: number; readonly answerMs: number; readonly requests?: number }
>();
const inFlight = new Map<string, number>();
/** Most requests that a tenant's vendor had under way at once. */
export const inFlightMost = new Map<string, number>();
/** Windows whose raw bytes lie in landing, by batch id: the vendor is asked for each once. */
export const landings = new Set<string>();
/** Done when somebody looks at a tenant's secrets. */
export const looks = new Map<string, () => void>();

const activities = {
  async fetchTapWindow({ tenantId, sourceId, batch }: FetchTapWindowInput) {
    const { from, to, pass } = batch;
    calls.push({ activity: 'fetch', tenantId, from, to, pass });
    const id = batchId({ tenantId, sourceId }, batch);
    if (landings.has(id)) return { batchId: id, landed: 'exists', requests: 0 };
    const failing = failures.get(`${tenantId} ${batch.from}`) ?? failures.get(tenantId);
    if (failing !== undefined) throw failing;
    const vendor = vendors.get(tenantId) ?? { clockSkewSeconds: 0, answerMs: 0 };
    inFlight.set(tenantId, (inFlight.get(tenantId) ?? 0) + 1);
    inFlightMost.set(tenantId, Math.max(inFlightMost.get(tenantId) ?? 0, inFlight.get(tenantId) ?? 0));
    await new Promise((resolve) => setTimeout(resolve, vendor.answerMs));
    inFlight.set(tenantId, (inFlight.get(tenantId) ?? 0) - 1);
    const { clockSkewSeconds, requests = 1 } = vendor;
    landings.add(id);
    return { batchId: id, landed: 'stored', requests, clockSkewSeconds };
  },
  async loadBatch({ tenantId, sourceId, batch, readAt = '' }: LoadBatchInput) {
    if (batch.kind === 's3') throw new Error('objects are loaded in groups');
    calls.push({ activity: 'load', tenantId, from: batch.from, to: batch.to, pass: batch.pass, readAt });
    return { batchId: batchId({ tenantId, sourceId }, batch), records: 10, rows: 9, rowsAdded: 8, deadLetters: 1 };
  },
  async fingerprintSecrets({ tenantId }: FingerprintSecretsInput) {
    const failing = failures.get(`${tenantId} fingerprint`);
    if (failing !== undefined) throw failing;
    looks.get(tenantId)?.();
    return 'same';
  },
  async recordGap({ tenantId, from, to }: RecordGapInput) {
    calls.push({ activity: 'gap', tenantId, from, to });
    return { batchId: 'gap', records: 0, rows: 0, rowsAdded: 0, deadLetters: 0 };
  },
  async loadObjects({ tenantId, objects: group }: LoadObjectsInput): Promise<LoadedObjects> {
    for (const { key } of group) calls.push({ activity: 'load', tenantId, key });
    await gates.get(tenantId);
    const failed = group.flatMap(({ key }) => {
      const failing = failures.get(`${tenantId} ${key}`);
      if (failing === undefined) inLedger.add(`${tenantId} ${key}`);
      const details = failing?.details?.[0] as FailureDetails;
      return failing === undefined ? [] : [{ key, code: failing.type ?? '', message: failing.message, ...details }];
    });
    const batches = group.length - failed.length;
    return {
      batches,
      records: 10 * batches,
      rows: 9 * batches,
      rowsAdded: 8 * batches,
      deadLetters: batches,
      gone: 0,
      archived: 0,
      failedCount: failed.length,
      failed,
    };
  },
  async listObjects({
    tenantId,
    startAfter = '',
    until: last,
    range,
    listsMax,
  }: ListObjectsInput): Promise<ListedObjects> {
    calls.push({ activity: 'list', tenantId, ...(last === undefined ? {} : { to: last }), from: startAfter });
    const failing = failures.get(`${tenantId} list`);
    if (failing !== undefined) throw failing;
    const keys = (objects.get(tenantId) ?? [])
      .filter((key) => key > startAfter && (last === undefined || key <= last) && isIn(range, key))
      .sort();
    const page = keys.slice(0, listsMax * keysPerList);
    const lastKey = page.at(-1);
    return {
      objects: page
        .filter((key) => !inLedger.has(`${tenantId} ${key}`))
        .map((key) => ({
          key,
          etag: 'e',
          sizeBytes: sizes.get(tenantId) ?? 1,
          lastModified: '2026-01-31T00:00:00.000Z',
        })),
      ...(lastKey === undefined ? {} : { lastKey }),
      more: keys.length > page.length,
      listedAt: new Date().toISOString(),
      listRequests: Math.max(1, Math.ceil(page.length / keysPerList)),
      seen: page.length,
    };
  },
};

export const failure = (type: string, details: Omit<FailureDetails, 'attempts'>) =>
  ApplicationFailure.create({
    type,
    message: `${type} happened`,
    nonRetryable: true,
    details: [{ ...details, attempts: 1 }],
  });

let server: TemporalServer;
export let client: Client;
let stop: () => Promise<void>;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  server = await startTemporalServer({
    logFile: join(temporaryDirectory('workflows'), 'temporal.log'),
    uiPort: 'none',
  });
  client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const connection = await NativeConnection.connect({ address: server.address });
  const codePath = await workflowBundlePath(readConfig({}));
  const worker = await Worker.create({ connection, taskQueue, workflowBundle: { codePath }, activities });
  const running = worker.run();
  stop = async () => {
    worker.shutdown();
    await running;
    await connection.close();
    await client.connection.close();
    await server.close();
  };
});
afterAll(() => stop());

export const tap = (settings: object = {}) =>
  tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S', startFrom: '-3h', ...settings });
export const s3 = (settings: object = {}) =>
  s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'logs', prefix: 'p/', ...settings });

export const start = (tenantId: string, settings: ReturnType<typeof tap> | ReturnType<typeof s3>) =>
  startSource(client, taskQueue, { tenantId, sourceId: 'source', settings });
/** A TAP source in the midst of its life: what is not said of its state is as nothing had happened since it started. */
export async function startFrom(
  tenantId: string,
  settings: ReturnType<typeof tap>,
  state: Pick<SourceState, 'cursor' | 'startedFrom'> & Partial<SourceState>,
): Promise<void> {
  const input = { ...name(tenantId), settings, state: { consecutiveErrors: 0, totals: noTotals, ...state } };
  await client.workflow.start('tapSource', { workflowId: workflowIdOf(input), taskQueue, args: [input] });
}
export const name = (tenantId: string) => ({ tenantId, sourceId: 'source' });
export const callsOf = (tenantId: string, activity: string) =>
  calls.filter((call) => call.tenantId === tenantId && call.activity === activity);

export async function until(tenantId: string, holds: (status: SourceStatus) => boolean): Promise<SourceStatus> {
  for (;;) {
    const status = await sourceStatus(client, name(tenantId));
    if (holds(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The same, with polls in between. */
export async function untilPolled(tenantId: string, holds: (status: SourceStatus) => boolean): Promise<SourceStatus> {
  for (;;) {
    const status = await updateSource(client, name(tenantId), 'pollNow');
    if (holds(status)) return until(tenantId, ({ pipelineState }) => pipelineState !== 'running');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isIn(range: ListObjectsInput['range'], key: string): boolean {
  if (range === undefined) return true;
  const timeMs = keyTimeMs(key);
  return timeMs !== undefined && timeMs >= Date.parse(range.from) && timeMs < Date.parse(range.to);
}
