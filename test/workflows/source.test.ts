import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  FailureDetails,
  FetchTapWindowInput,
  ListObjectsInput,
  LoadBatchInput,
  RecordGapInput,
} from '../../activities/contracts.ts';
import { sourceStatus, startSource, updateSource } from '../../scripts/source-registry.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { batchId } from '../../sources/batch.ts';
import { s3Settings, tapSettings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Real workflows on a real server; the activities play the outside world, each tenant another one. */
const taskQueue = 'source-test';
const calls: { activity: string; tenantId: string; from?: string; to?: string; key?: string }[] = [];
const failures = new Map<string, ApplicationFailure>();
const objects = new Map<string, string[]>();

const activities = {
  async fetchTapWindow({ tenantId, sourceId, batch }: FetchTapWindowInput) {
    calls.push({ activity: 'fetch', tenantId, from: batch.from, to: batch.to });
    const failure = failures.get(`${tenantId} ${batch.from}`) ?? failures.get(tenantId);
    if (failure !== undefined) throw failure;
    return { batchId: batchId({ tenantId, sourceId }, batch), landed: 'stored' };
  },
  async loadBatch({ tenantId, sourceId, batch }: LoadBatchInput) {
    calls.push({
      activity: 'load',
      tenantId,
      ...(batch.kind === 's3' ? { key: batch.key } : { from: batch.from, to: batch.to }),
    });
    const failure = batch.kind === 's3' ? failures.get(`${tenantId} ${batch.key}`) : undefined;
    if (failure !== undefined) throw failure;
    return { batchId: batchId({ tenantId, sourceId }, batch), records: 10, rows: 9, rowsAdded: 8, deadLetters: 1 };
  },
  async recordGap({ tenantId, from, to }: RecordGapInput) {
    calls.push({ activity: 'gap', tenantId, from, to });
    return { batchId: 'gap', records: 0, rows: 0, rowsAdded: 0, deadLetters: 0 };
  },
  async listObjects({ tenantId, settings, startAfter = '', limit }: ListObjectsInput) {
    calls.push({ activity: 'list', tenantId });
    const keys = (objects.get(tenantId) ?? []).filter((key) => key > startAfter).sort();
    const page = keys.slice(0, limit).map((key) => ({
      kind: 's3',
      bucket: settings.bucket,
      key,
      etag: 'e',
      sizeBytes: 1,
      lastModified: new Date().toISOString(),
    }));
    return { objects: page, more: keys.length > limit, listedAt: new Date().toISOString() };
  },
};

const failure = (type: string, details: FailureDetails) =>
  ApplicationFailure.create({ type, message: `${type} happened`, nonRetryable: true, details: [details] });

let server: TemporalServer;
let client: Client;
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

const tap = (settings: object = {}) =>
  tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S', startFrom: '-3h', ...settings });
const s3 = (settings: object = {}) =>
  s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'logs', prefix: 'p/', ...settings });

const start = (tenantId: string, settings: ReturnType<typeof tap> | ReturnType<typeof s3>) =>
  startSource(client, taskQueue, { tenantId, sourceId: 'source', settings });
const name = (tenantId: string) => ({ tenantId, sourceId: 'source' });
const callsOf = (tenantId: string, activity: string) =>
  calls.filter((call) => call.tenantId === tenantId && call.activity === activity);

async function until(tenantId: string, holds: (status: SourceStatus) => boolean): Promise<SourceStatus> {
  for (;;) {
    const status = await sourceStatus(client, name(tenantId));
    if (holds(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a TAP source', () => {
  it('reads every minute from its start to a minute ago once, then waits for the next window', async () => {
    await start('cover', tap());
    const status = await until('cover', ({ pipelineState }) => pipelineState === 'idle');
    const windows = callsOf('cover', 'load').toSorted((a, b) => (a.from ?? '').localeCompare(b.from ?? ''));
    expect(windows.length).toBeGreaterThanOrEqual(3);
    for (const [index, { from }] of windows.slice(1).entries()) expect(from).toBe(windows[index]?.to);
    expect(windows.at(-1)?.to).toBe(status.cursor);
    expect(status.totals).toEqual({
      batches: windows.length,
      records: 10 * windows.length,
      rowsAdded: 8 * windows.length,
      deadLetters: windows.length,
    });
    const waitMs = Date.parse(status.nextReadAt ?? '') - Date.parse(status.cursor);
    expect(waitMs).toBe(6 * 60_000);
  });

  it('records what the vendor no longer has as a gap and goes on', async () => {
    const startMs = Date.now() - 8 * 86_400_000;
    await start('outage', tap({ startFrom: new Date(startMs).toISOString(), window: '1h' }));
    await until('outage', ({ pipelineState }) => pipelineState === 'idle');
    const [gap, ...more] = callsOf('outage', 'gap');
    expect(more).toEqual([]);
    expect(Date.parse(gap?.from ?? '')).toBe(Math.floor(startMs / 60_000) * 60_000);
    const lostMs = Date.parse(gap?.to ?? '') - Date.parse(gap?.from ?? '');
    expect(Math.round(lostMs / 60_000)).toBeCloseTo(24 * 60 + 15, -1);
    expect(
      callsOf('outage', 'fetch')
        .map(({ from }) => from ?? '')
        .reduce((first, from) => (from < first ? from : first)),
    ).toBe(gap?.to);
  });

  it('stops for an operator when its credential is refused, and goes on with new settings', async () => {
    failures.set('refused', failure('tap.unauthorized', { directive: 'block', remedy: 'rotate it' }));
    await start('refused', tap());
    const status = await until('refused', ({ pipelineState }) => pipelineState === 'blocked');
    expect(status.lastError).toMatchObject({
      code: 'tap.unauthorized',
      message: 'tap.unauthorized happened',
      remedy: 'rotate it',
    });
    expect(status.nextReadAt).toBeUndefined();
    const tried = callsOf('refused', 'fetch').length;
    failures.delete('refused');
    await updateSource(client, name('refused'), 'reconfigure', { settings: tap({ secret: 'env:NEW' }) });
    const healthy = await until('refused', ({ pipelineState }) => pipelineState === 'idle');
    expect(healthy).toMatchObject({ consecutiveErrors: 0, settings: { secret: 'env:NEW' } });
    expect(callsOf('refused', 'fetch').length).toBeGreaterThan(tried);
  });

  it('waits as long as the vendor says when it is throttled', async () => {
    failures.set('throttled', failure('tap.throttled', { directive: 'wait', remedy: 'none', retryAfterSeconds: 300 }));
    await start('throttled', tap());
    const status = await until('throttled', ({ pipelineState }) => pipelineState === 'backoff');
    expect((Date.parse(status.nextReadAt ?? '') - Date.now()) / 1000).toBeGreaterThan(290);
  });

  it('moves its cursor only up to the first window that failed', async () => {
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    const startMs = hour - 3 * 3_600_000;
    const failing = new Date(startMs + 3_600_000).toISOString().replace('.000Z', 'Z');
    failures.set(`holes ${failing}`, failure('tap.unavailable', { directive: 'wait', remedy: 'none' }));
    await start('holes', tap({ startFrom: new Date(startMs).toISOString() }));
    const status = await until('holes', ({ pipelineState }) => pipelineState === 'backoff');
    expect(status.cursor).toBe(failing);
    expect(status.totals.batches).toBe(1);
    failures.clear();
    expect(await updateSource(client, name('holes'), 'pollNow')).toMatchObject({ consecutiveErrors: 0 });
  });
});

describe('an S3 source', () => {
  it('loads every object once and lists on from the last key', async () => {
    objects.set(
      'pages',
      Array.from({ length: 250 }, (_, index) => `p/${String(index).padStart(4, '0')}`),
    );
    await start('pages', s3());
    const status = await until('pages', ({ pipelineState }) => pipelineState === 'idle');
    expect(status).toMatchObject({ cursor: 'p/0249', totals: { batches: 250 } });
    expect(new Set(callsOf('pages', 'load').map(({ key }) => key)).size).toBe(250);
    expect(callsOf('pages', 'list')).toHaveLength(3);
    objects.get('pages')?.push('p/0250');
    await updateSource(client, name('pages'), 'pollNow');
    expect(callsOf('pages', 'load')).toHaveLength(251);
  });

  it('does not pass an object that failed', async () => {
    objects.set('poison', ['p/1', 'p/2', 'p/3']);
    failures.set('poison p/2', failure('s3.object_changed', { directive: 'wait', remedy: 'none' }));
    await start('poison', s3());
    const status = await until('poison', ({ pipelineState }) => pipelineState === 'backoff');
    expect(status).toMatchObject({ cursor: '', totals: { batches: 2 } });
    failures.clear();
    expect(await updateSource(client, name('poison'), 'pollNow')).toMatchObject({ cursor: 'p/3' });
  });

  it('carries cursor, totals and search attributes into its next run', async () => {
    objects.set('long', ['p/1']);
    await start('long', s3());
    await until('long', ({ pipelineState }) => pipelineState === 'idle');
    const handle = client.workflow.getHandle('ingest/long/source');
    const firstRun = (await handle.describe()).runId;
    for (let polls = 0; polls < 101; polls += 1) await updateSource(client, name('long'), 'pollNow');
    const description = await handle.describe();
    expect(description.runId).not.toBe(firstRun);
    expect(description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
      expect.arrayContaining([
        ['TenantId', 'long'],
        ['PipelineState', 'idle'],
      ]),
    );
    expect(description.priority).toMatchObject({ priorityKey: 2, fairnessKey: 'long' });
    expect(await sourceStatus(client, name('long'))).toMatchObject({ cursor: 'p/1', totals: { batches: 1 } });
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('State: **idle**');
  }, 120_000);

  it('pauses at once and stays paused across a poll of its own', async () => {
    await start('paused', s3());
    await until('paused', ({ pipelineState }) => pipelineState === 'idle');
    await updateSource(client, name('paused'), 'pause', { reason: 'bucket moves' });
    const lists = callsOf('paused', 'list').length;
    await expect(updateSource(client, name('paused'), 'pollNow')).rejects.toMatchObject({ code: 'source.refused' });
    expect(await sourceStatus(client, name('paused'))).toMatchObject({
      pipelineState: 'paused',
      pauseReason: 'bucket moves',
    });
    expect(callsOf('paused', 'list')).toHaveLength(lists);
  });

  it('refuses settings of another kind', async () => {
    await start('kinds', s3());
    await until('kinds', ({ pipelineState }) => pipelineState === 'idle');
    await expect(updateSource(client, name('kinds'), 'reconfigure', { settings: tap() })).rejects.toThrow(/kind s3/);
  });
});

describe('a source that does not run', () => {
  it('is said to be unknown', async () => {
    await expect(sourceStatus(client, name('nobody'))).rejects.toMatchObject({ code: 'source.unknown' });
  });
});
