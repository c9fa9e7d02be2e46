import { describe, expect, it, vi } from 'vitest';
import { IngestError } from '../../errors/ingest-error.ts';
import {
  backfillStatus,
  cancelBackfill,
  runningBackfill,
  startS3Backfill,
  startTapBackfill,
  type StartedBackfill,
  summarizeTapPlan,
  updateBackfill,
} from '../../scripts/backfills.ts';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { requestsLeft, steadyPace } from '../../sources/tap/budget.ts';
import { readConfig } from '../../workers/config.ts';
import type { BackfillStatus } from '../../workflows/backfill-state.ts';
import {
  callsOf,
  client,
  failure,
  failures,
  inFlightMost,
  name,
  objects,
  s3,
  start,
  tap,
  taskQueue,
  until,
  vendors,
} from './world.ts';

const hourMs = 3_600_000;
const hour = Math.floor(Date.now() / hourMs) * hourMs;
const config = readConfig({ TASK_QUEUE: taskQueue });

/** A source that has caught up. */
async function startIdle(tenantId: string): Promise<void> {
  await start(tenantId, tap({ startFrom: '-1h' }));
  await until(tenantId, ({ pipelineState }) => pipelineState === 'idle');
}

/** A source that has caught up, and a backfill of hours before its start. */
async function backfillHours(tenantId: string, hours: number): Promise<StartedBackfill> {
  await startIdle(tenantId);
  return startHours(tenantId, hours);
}

function startHours(tenantId: string, hours: number): Promise<StartedBackfill> {
  const settings = tap({ startFrom: '-1h' });
  const range = { fromMs: hour - (hours + 24) * hourMs, toMs: hour - 24 * hourMs };
  return startTapBackfill(client, config, { ...name(tenantId), settings }, { ...range, intervals: [range] });
}

async function untilBackfill(
  { workflowId }: StartedBackfill,
  holds: (status: BackfillStatus) => boolean,
): Promise<BackfillStatus> {
  for (;;) {
    // a worker with a thousand windows at hand may be too busy to answer within 10 s
    const status = await backfillStatus(client, workflowId).catch((error: unknown) => {
      if (error instanceof IngestError && error.code === 'source.silent') return undefined;
      throw error;
    });
    if (status !== undefined && holds(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const isDone = ({ state }: BackfillStatus) => state === 'done';

describe('a TAP backfill', () => {
  it('reads each window of its time once, behind live reads, and leaves the cursor alone', async () => {
    const started = await backfillHours('fill', 30);
    const status = await untilBackfill(started, isDone);
    expect(status).toMatchObject({
      unitsTotal: 30,
      done: 30,
      failed: [],
      requests: 30,
      totals: { batches: 30, rowsAdded: 240 },
    });
    const windows = callsOf('fill', 'load').filter(({ to }) => (to ?? '') <= started.to);
    expect(new Set(windows.map(({ from }) => from)).size).toBe(30);
    expect(windows).toHaveLength(30);
    const { priority } = await client.workflow.getHandle(started.workflowId).describe();
    expect(priority).toMatchObject({ priorityKey: 4, fairnessKey: 'fill' });
    const source = await sourceStatus(client, name('fill'));
    expect(Date.parse(source.cursor)).toBeGreaterThanOrEqual(hour - hourMs);
    expect(source.tap?.requests).toEqual(expect.objectContaining({}));
    expect(
      requestsLeft('backfill', {
        log: source.tap?.requests ?? {},
        nowMs: Date.now(),
        ...steadyPace(tap()),
      }),
    ).toBe(1440 - 72 - 336 - 30);
  });

  it('ends when its windows are read, however few they are', async () => {
    for (const hours of [1, 2, 5]) {
      const status = await untilBackfill(await backfillHours(`few-${hours}`, hours), isDone);
      expect(status).toMatchObject({ done: hours, requests: hours, failed: [] });
    }
  });

  it('refuses a second one of the same time while it runs', async () => {
    const started = await backfillHours('twice', 40);
    const range = { fromMs: Date.parse(started.from), toMs: Date.parse(started.to) };
    const again = startTapBackfill(
      client,
      config,
      { ...name('twice'), settings: tap() },
      { ...range, intervals: [range] },
    );
    await expect(again).rejects.toMatchObject({ code: 'backfill.running' });
    await untilBackfill(started, isDone);
  });

  it('reports a window that failed and does the others', async () => {
    const bad = new Date(hour - 26 * hourMs).toISOString().replace('.000Z', 'Z');
    failures.set(`flaky ${bad}`, failure('tap.too_far_back', { directive: 'wait', remedy: 'none' }));
    const status = await untilBackfill(await backfillHours('flaky', 5), isDone);
    expect(status).toMatchObject({ done: 4, failedCount: 1 });
    expect(status.failed).toEqual([
      { unit: expect.stringContaining(bad), code: 'tap.too_far_back', message: 'tap.too_far_back happened' },
    ]);
    failures.clear();
  });

  it('counts the windows that failed beyond those whose words it keeps', async () => {
    await startIdle('lost');
    failures.set('lost', failure('tap.bad_request', { directive: 'block', remedy: 'none' }));
    const status = await untilBackfill(await startHours('lost', 60), isDone);
    expect(status).toMatchObject({ done: 0, failedCount: 60, etaSeconds: 0 });
    expect(status.failed).toHaveLength(50);
    failures.clear();
  });

  it('waits for the end of an outage, says for what, and then has all; or tries at once where it is told to', async () => {
    await startIdle('outage');
    failures.set('outage', failure('tap.unavailable', { directive: 'retry', remedy: 'have patience' }));
    const started = await startHours('outage', 12);
    const waiting = await untilBackfill(started, ({ state }) => state === 'backoff');
    expect(waiting).toMatchObject({
      done: 0,
      failedCount: 0,
      outage: { code: 'tap.unavailable', message: 'tap.unavailable happened', remedy: 'have patience' },
    });
    expect(Date.parse(waiting.outage?.retryAt ?? '') - Date.now()).toBeGreaterThan(5000);
    const { currentDetails } = await client.workflow
      .getHandle(started.workflowId)
      .query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('have patience');
    // none of the four lanes reads on beyond the window that it waits with
    const asked = () => callsOf('outage', 'fetch').filter(({ pass }) => pass?.startsWith('backfill-'));
    const windows = () => new Set(asked().map(({ from }) => from)).size;
    await vi.waitFor(() => expect(windows()).toBe(4), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(windows()).toBe(4);
    failures.clear();
    await updateBackfill(client, started.workflowId, 'resume');
    const status = await untilBackfill(started, isDone);
    expect(status).toMatchObject({ done: 12, failedCount: 0 });
    expect(status).not.toHaveProperty('outage');
  });

  it('counts each request of its retries against what the vendor allows', async () => {
    await startIdle('retried');
    vendors.set('retried', { clockSkewSeconds: 0, answerMs: 0, requests: 10 });
    const status = await untilBackfill(await startHours('retried', 20), isDone);
    expect(status).toMatchObject({ done: 20, requests: 200 });
    const source = await sourceStatus(client, name('retried'));
    const counted = Object.values(source.tap?.requests ?? {}).reduce((sum, [, , backfill]) => sum + backfill, 0);
    // the last windows have nothing behind them that would ask for what they took
    expect(counted).toBeGreaterThan(150);
    expect(counted).toBeLessThanOrEqual(200);
  });

  it('pauses, goes on and is cancelled', async () => {
    const started = await backfillHours('steered', 120);
    expect(await updateBackfill(client, started.workflowId, 'pause')).toMatchObject({ state: 'paused' });
    const paused = await backfillStatus(client, started.workflowId);
    await new Promise((resolve) => setTimeout(resolve, 500));
    // windows under way when the pause came are finished
    expect((await backfillStatus(client, started.workflowId)).done).toBeLessThanOrEqual(paused.done + 4);
    expect(await updateBackfill(client, started.workflowId, 'resume')).toMatchObject({ state: 'running' });
    await untilBackfill(started, ({ done }) => done > paused.done + 4);
    await cancelBackfill(client, started.workflowId);
    await expect(client.workflow.getHandle(started.workflowId).result()).rejects.toThrow(/cancelled/i);
    expect((await backfillStatus(client, started.workflowId)).done).toBeLessThan(120);
  });

  it('is found without its times while it is the only one of its source that runs', async () => {
    const code = 'backfill.unknown';
    await startIdle('found');
    const found = () => runningBackfill(client, name('found'));
    await expect(found()).rejects.toMatchObject({ code, message: 'source found/source: no backfill runs' });
    vendors.set('found', { clockSkewSeconds: 0, answerMs: 2000 });
    const [one, other] = [await startHours('found', 40), await startHours('found', 41)];
    // the list of what runs is a second behind
    await vi.waitFor(async () => {
      const refused = await found().catch((error: unknown) => error);
      expect(refused).toMatchObject({ code, message: expect.stringMatching(/several .*\/.*, .*\//) });
    }, 10_000);
    await cancelBackfill(client, one.workflowId);
    await vi.waitFor(async () => expect(await found()).toBe(other.workflowId), 10_000);
    await cancelBackfill(client, other.workflowId);
    await vi.waitFor(async () => expect(await found().catch(String)).toContain('no backfill runs'), 10_000);
    await expect(updateBackfill(client, 'ingest/found/source/backfill/none', 'pause')).rejects.toMatchObject({ code });
  });

  it('waits for requests that the vendor still allows, and leaves live reads theirs', async () => {
    await start('quota', tap({ startFrom: '-1h' }));
    await until('quota', ({ pipelineState }) => pipelineState === 'idle');
    const settings = tap({ window: '1m' });
    const range = { fromMs: hour - 90 * hourMs, toMs: hour - 70 * hourMs };
    const started = await startTapBackfill(
      client,
      config,
      { ...name('quota'), settings },
      { ...range, intervals: [range] },
    );
    expect(started.windows).toBe(1200);
    const status = await untilBackfill(started, ({ state }) => state === 'quota');
    expect(status.done).toBeGreaterThan(900);
    expect(status.done).toBeLessThanOrEqual(1440 - 72 - 336);
    const source = await sourceStatus(client, name('quota'));
    const budget = { log: source.tap?.requests ?? {}, nowMs: Date.now(), ...steadyPace(tap()) };
    expect(requestsLeft('backfill', budget)).toBe(0);
    expect(requestsLeft('live', budget)).toBeGreaterThan(300);
    await cancelBackfill(client, started.workflowId);
  }, 120_000);
});

describe('seven days for one tenant', () => {
  // another test that begins meanwhile takes the processor from it, and the plan cannot know: it must hold in one of three
  it(
    'take as long as the plan says, four requests at a time, while live reads keep their pace',
    {
      timeout: 60_000,
      retry: 2,
    },
    async ({ task }) => {
      const tries = task.result?.retryCount ?? 0;
      const [week, neighbour] = [`week-${tries}`, `neighbour-${tries}`] as const;
      vendors.set(week, { clockSkewSeconds: 0, answerMs: 600 });
      await start(week, tap({ startFrom: '-20h' }));
      await start(neighbour, tap({ startFrom: '-1h' }));
      const status = await until(week, ({ pipelineState }) => pipelineState === 'idle');
      await until(neighbour, ({ pipelineState }) => pipelineState === 'idle');
      const range = { fromMs: hour - 167 * hourMs, toMs: hour - 20 * hourMs };
      const settings = tap();
      const plan = summarizeTapPlan({ ...status, settings }, [range], [range], 1000);
      expect(plan).toMatchObject({ windows: 147, requests: 147, alreadyRead: 0, quotaShare: 0.102 });
      const startedMs = performance.now();
      const source = { ...name(week), settings };
      const started = await startTapBackfill(client, config, source, { ...range, intervals: [range] });
      const waits: number[] = [];
      for (const tenantId of [week, neighbour, week, neighbour]) {
        const askedMs = performance.now();
        await updateSource(client, name(tenantId), 'pollNow');
        waits.push(performance.now() - askedMs);
      }
      await untilBackfill(started, isDone);
      const seconds = (performance.now() - startedMs) / 1000;
      expect(inFlightMost.get(week)).toBe(4);
      expect(seconds / (plan.estimateSeconds ?? 0)).toBeGreaterThan(0.8);
      expect(seconds / (plan.estimateSeconds ?? 0)).toBeLessThan(1.2);
      expect(Math.max(...waits)).toBeLessThan(2000);
    },
  );
});

describe('an S3 backfill', () => {
  it('loads the objects of its time, by the date in their key', async () => {
    objects.set('archive', ['p/2026/01/30/a', 'p/2026/01/31/05/b', 'p/2026/01/31/23/c', 'p/2026/02/01/d', 'p/undated']);
    const settings = s3();
    const range = { fromMs: Date.parse('2026-01-31T00:00:00Z'), toMs: Date.parse('2026-02-01T00:00:00Z') };
    const started = await startS3Backfill(
      client,
      config,
      { ...name('archive'), settings },
      { ...range, by: 'key', unitsTotal: 2 },
    );
    expect(await untilBackfill(started, isDone)).toMatchObject({ done: 2, failed: [] });
    expect(
      callsOf('archive', 'load')
        .map(({ key = '' }) => key)
        .toSorted(),
    ).toEqual(['p/2026/01/31/05/b', 'p/2026/01/31/23/c']);
  });

  it('fails where the bucket refuses to be listed, and tells why', async () => {
    failures.set('refusing list', failure('s3.forbidden', { directive: 'block', remedy: 'none' }));
    const range = { fromMs: Date.parse('2026-01-31T00:00:00Z'), toMs: Date.parse('2026-02-01T00:00:00Z') };
    const source = { ...name('refusing'), settings: s3() };
    const started = await startS3Backfill(client, config, source, { ...range, by: 'key', unitsTotal: 3 });
    await expect(client.workflow.getHandle(started.workflowId).result()).rejects.toThrow(/failed/);
    failures.clear();
    const status = await backfillStatus(client, started.workflowId);
    expect(status.failed).toEqual([
      { unit: 'list s3://logs/p/', code: 's3.forbidden', message: 's3.forbidden happened' },
    ]);
  });

  it.each(['list', 'p/2026/01/31/05/b'])('waits for the end of an outage, and then has all: %s', async (what) => {
    const tenantId = what === 'list' ? 'lists' : 'loads';
    const keys = ['a', 'b', 'c'].map((letter) => `p/2026/01/31/05/${letter}`);
    objects.set(tenantId, keys);
    failures.set(`${tenantId} ${what}`, failure('s3.unavailable', { directive: 'retry', remedy: 'none' }));
    const range = { fromMs: Date.parse('2026-01-31T00:00:00Z'), toMs: Date.parse('2026-02-01T00:00:00Z') };
    const source = { ...name(tenantId), settings: s3() };
    const started = await startS3Backfill(client, config, source, { ...range, by: 'key', unitsTotal: 3 });
    const waiting = await untilBackfill(started, ({ state }) => state === 'backoff');
    expect(waiting).toMatchObject({ done: 0, failedCount: 0, outage: { code: 's3.unavailable' } });
    failures.clear();
    await updateBackfill(client, started.workflowId, 'resume');
    const status = await untilBackfill(started, isDone);
    expect(status).toMatchObject({ done: 3, failedCount: 0, totals: { batches: 3, rowsAdded: 24 } });
  });
});
