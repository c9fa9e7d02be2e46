import { describe, expect, it, vi } from 'vitest';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { batchId, isoSeconds } from '../../sources/batch.ts';
import { tapBackfill } from '../../workflows/index.ts';
import {
  callsOf,
  client,
  failure,
  failures,
  landings,
  looks,
  name,
  start,
  startFrom,
  tap,
  taskQueue,
  until,
  vendors,
} from './world.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const floorTo = (unitMs: number, timeMs: number) => Math.floor(timeMs / unitMs) * unitMs;

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
    // the next live window, or the hour that settles first
    const cursorMs = Date.parse(status.cursor);
    const settles = [0, hourMs].map((later) => Math.floor(cursorMs / hourMs) * hourMs + later + 35 * 60_000);
    const dueMs = Math.min(cursorMs + 6 * 60_000, ...settles.filter((timeMs) => timeMs > Date.now()));
    expect(Date.parse(status.nextReadAt ?? '')).toBe(dueMs);
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
    await until('refused', ({ consecutiveErrors }) => consecutiveErrors === 2);
    const tried = callsOf('refused', 'fetch').length;
    expect(tried).toBe(2);
    failures.delete('refused');
    await updateSource(client, name('refused'), 'reconfigure', { settings: tap({ secret: 'env:NEW' }) });
    const healthy = await until('refused', ({ pipelineState }) => pipelineState === 'idle');
    expect(healthy).toMatchObject({ consecutiveErrors: 0, settings: { secret: 'env:NEW' } });
    expect(callsOf('refused', 'fetch').length).toBeGreaterThan(tried);
  });

  it('reads once more when it is refused: its secrets may have changed meanwhile', async () => {
    failures.set('rotated', failure('tap.unauthorized', { directive: 'block', remedy: 'rotate it' }));
    looks.set('rotated', () => failures.delete('rotated'));
    await start('rotated', tap());
    expect(await until('rotated', ({ pipelineState }) => pipelineState === 'idle')).toMatchObject({
      consecutiveErrors: 0,
    });
  });

  it('leaves a long history behind also while it is blocked', async () => {
    failures.set('weeks', failure('tap.unauthorized', { directive: 'block', remedy: 'rotate it' }));
    await start('weeks', tap());
    await until('weeks', ({ pipelineState }) => pipelineState === 'blocked');
    const handle = client.workflow.getHandle('ingest/weeks/source');
    const firstRun = (await handle.describe()).runId;
    for (let polls = 0; polls < 101; polls += 1) await updateSource(client, name('weeks'), 'pollNow');
    await vi.waitFor(async () => expect((await handle.describe()).runId).not.toBe(firstRun), 10_000);
    const status = await until('weeks', ({ pipelineState }) => pipelineState === 'blocked');
    expect(status.consecutiveErrors).toBeGreaterThan(101);
    expect(status.lastError).toMatchObject({ code: 'tap.unauthorized' });
    failures.delete('weeks');
  }, 120_000);

  it('stays blocked, and alive, where even looking at its secrets fails', async () => {
    failures.set('blind', failure('tap.unauthorized', { directive: 'block', remedy: 'rotate it' }));
    failures.set('blind fingerprint', failure('internal', { directive: 'wait', remedy: 'none' }));
    await start('blind', tap());
    await until('blind', ({ pipelineState }) => pipelineState === 'blocked');
    failures.delete('blind');
    await updateSource(client, name('blind'), 'resume');
    const resumed = await until('blind', ({ pipelineState }) => pipelineState === 'idle');
    expect(resumed.consecutiveErrors).toBe(0);
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

  it('gives up only the beginning of a window that the vendor refuses as too old, and reads the rest', async () => {
    const fromMs = floorTo(hourMs, Date.now()) - 3 * hourMs;
    const [from, rest, end] = [fromMs, fromMs + 15 * minuteMs, fromMs + hourMs].map(isoSeconds) as [
      string,
      string,
      string,
    ];
    failures.set(`horizon ${from}`, failure('tap.too_far_back', { directive: 'wait', remedy: 'none' }));
    await start('horizon', tap({ startFrom: from, settle: [] }));
    await until('horizon', ({ pipelineState }) => pipelineState === 'idle');
    failures.delete(`horizon ${from}`);
    expect(callsOf('horizon', 'gap')).toMatchObject([{ from, to: rest }]);
    expect(callsOf('horizon', 'load').filter(({ to = '' }) => to <= end)).toMatchObject([{ from: rest, to: end }]);
  });

  it.each([
    ['2026-01-31T25:00:00Z', /a UTC time in whole minutes/],
    ['2099-01-01T00:00:00Z', /must not lie in the future/],
  ])('refuses a cursor that is none: %s', async (cursor, words) => {
    const tenantId = `cursor-${cursor.slice(0, 4)}`;
    await start(tenantId, tap());
    const { cursor: before } = await until(tenantId, ({ pipelineState }) => pipelineState === 'idle');
    await expect(updateSource(client, name(tenantId), 'setCursor', { cursor })).rejects.toThrow(words);
    expect(await sourceStatus(client, name(tenantId))).toMatchObject({ cursor: before });
  });

  it('settles again from where its cursor is set back to, also what lies in landing', async () => {
    const hour = floorTo(hourMs, Date.now());
    const hoursBack = (count: number) => isoSeconds(hour - count * hourMs);
    const settings = tap({ every: '1h', settle: ['35m', '2h'] });
    // what the lake has lost: each hour was read and settled
    for (let back = 8; back > 0; back -= 1)
      for (const pass of ['live', 'settle-35m', 'settle-2h'] as const)
        landings.add(batchId(name('restored'), { kind: 'tap', from: hoursBack(back), to: hoursBack(back - 1), pass }));
    await startFrom('restored', settings, {
      cursor: hoursBack(0),
      startedFrom: hoursBack(8),
      tap: {
        settled: { 'settle-35m': hoursBack(1), 'settle-2h': hoursBack(3) },
        late: {},
        requests: {},
        clockSkewSeconds: 0,
      },
    });
    await until('restored', ({ pipelineState }) => pipelineState === 'idle');
    await updateSource(client, name('restored'), 'setCursor', { cursor: hoursBack(6) });
    await until('restored', ({ pipelineState, cursor }) => pipelineState === 'idle' && cursor >= hoursBack(0));
    const loaded = (wanted: string) =>
      callsOf('restored', 'load').flatMap(({ pass, from = '' }) =>
        pass === wanted && from < hoursBack(3) ? [from] : [],
      );
    for (const pass of ['live', 'settle-35m', 'settle-2h'])
      expect(loaded(pass).toSorted()).toEqual([6, 5, 4].map(hoursBack));
  });

  it('settles a window that had landed when it was young, however late it is loaded', async () => {
    const fromMs = Math.floor(Date.now() / hourMs) * hourMs - 3 * hourMs;
    const [from, to] = [fromMs, fromMs + hourMs].map(isoSeconds) as [string, string];
    // read when its hour was just over, by a worker that died, or beside a window that failed
    landings.add(batchId(name('landed'), { kind: 'tap', from, to, pass: 'live' }));
    await start('landed', tap({ startFrom: from, window: '1h' }));
    await until('landed', ({ pipelineState }) => pipelineState === 'idle');
    const loads = callsOf('landed', 'load');
    const readAts = (of: string, pass: string) =>
      loads.flatMap((call) => (call.from === of && call.pass === pass ? [call.readAt ?? ''] : []));
    expect(readAts(from, 'live').map(Date.parse)).toEqual([Date.parse(to)]);
    expect(readAts(from, 'settle-35m')).toHaveLength(1);
    // the hour behind it was asked for now, and has settled with that
    expect(readAts(to, 'live').map((readAt) => Date.parse(readAt) > fromMs + 3 * hourMs)).toEqual([true]);
    expect(readAts(to, 'settle-35m')).toEqual([]);
  });
});

describe('the allowance of a TAP source', () => {
  const nowMs = Date.now();
  const cursorOf = (agoMs: number) => isoSeconds(floorTo(minuteMs, Date.now()) - agoMs);
  /** As much was asked for in the hour before this one. */
  const spent = (requests: readonly [number, number, number]) => ({
    settled: {
      'settle-35m': isoSeconds(floorTo(hourMs, nowMs) - 2 * hourMs),
      'settle-1d': isoSeconds(floorTo(hourMs, nowMs) - 24 * hourMs),
    },
    late: {},
    requests: { [new Date(nowMs - hourMs).toISOString().slice(0, 13)]: requests },
    clockSkewSeconds: 0,
  });
  const startedFrom = isoSeconds(floorTo(minuteMs, nowMs) - 48 * hourMs);

  it('keeps the next live read when settling has none left', async () => {
    // the rest of an hour that is over would be read at once
    const cursor = [cursorOf(2 * minuteMs), isoSeconds(floorTo(hourMs, Date.now()))].toSorted().at(-1) ?? '';
    await startFrom('starved', tap(), { cursor, startedFrom, tap: spent([288, 48, 1032]) });
    const status = await until('starved', ({ pipelineState }) => pipelineState === 'idle');
    expect(callsOf('starved', 'fetch')).toEqual([]);
    expect(Date.parse(status.nextReadAt ?? '')).toBe(Date.parse(cursor) + 6 * minuteMs);
  });

  it('is missed when live reads have none left: the source fails until the next are free', async () => {
    const lastError = { code: 'tap.unavailable', message: 'm', remedy: 'r', at: isoSeconds(nowMs) };
    const cursor = cursorOf(10 * minuteMs);
    await startFrom('spent', tap(), { cursor, startedFrom, tap: spent([1440, 0, 0]), consecutiveErrors: 2, lastError });
    const status = await until('spent', ({ pipelineState }) => pipelineState === 'backoff');
    expect(status).toMatchObject({ cursor, consecutiveErrors: 3, lastError: { code: 'tap.allowance' } });
    expect(status.lastError?.remedy).toContain('raise every or window');
    const freeMs = floorTo(hourMs, nowMs) + 24 * hourMs;
    expect(status.lastError?.message).toContain(isoSeconds(freeMs));
    expect(Math.abs(Date.parse(status.nextReadAt ?? '') - freeMs)).toBeLessThan(2000);
    expect(callsOf('spent', 'fetch')).toEqual([]);
  });

  it('has a share for settling that live reads leave alone', async () => {
    await startFrom('shared', tap(), { cursor: cursorOf(10 * minuteMs), startedFrom, tap: spent([1391, 0, 0]) });
    await until('shared', ({ pipelineState }) => pipelineState === 'idle' || pipelineState === 'backoff');
    const passes = callsOf('shared', 'load').map(({ pass }) => pass);
    expect(passes.filter((pass) => pass === 'live')).toHaveLength(1);
    expect(passes.filter((pass) => pass?.startsWith('settle-')).length).toBeGreaterThanOrEqual(1);
  });

  it('is asked for by a backfill once an hour where there is none for it, and a paused source ends a run that grows by it', async () => {
    // needs all that there is for itself
    const settings = tap({ every: '1m' });
    const [from, to] = [isoSeconds(nowMs - 30 * hourMs), isoSeconds(nowMs - 29 * hourMs)];
    await startFrom('still', settings, { cursor: cursorOf(hourMs), startedFrom, paused: { reason: 'maintenance' } });
    const source = client.workflow.getHandle('ingest/still/source');
    const firstRun = (await source.describe()).runId;
    const backfill = await client.workflow.start(tapBackfill, {
      workflowId: 'backfill/still',
      taskQueue,
      args: [{ ...name('still'), settings, from, to, intervals: [{ from, to }], unitsTotal: 2, startedAt: from }],
    });
    const waits = await vi.waitFor(async () => {
      const { events } = await backfill.fetchHistory();
      const timers = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => (timer ? [timer] : []));
      expect(timers).toHaveLength(1);
      return timers.map(({ startToFireTimeout }) => Number(startToFireTimeout?.seconds));
    }, 10_000);
    expect(waits[0]).toBeGreaterThanOrEqual(3599);
    await backfill.terminate();
    // as many questions as a server takes for reason enough to end a run
    const ask = () => source.signal('requestBudget', { workflowId: 'backfill/none', wanted: 1 });
    for (let asked = 0; asked < 2000; asked += 100) await Promise.all(Array.from({ length: 100 }, ask));
    await vi.waitFor(async () => expect((await source.describe()).runId).not.toBe(firstRun), 20_000);
    expect(await sourceStatus(client, name('still'))).toMatchObject({
      pipelineState: 'paused',
      pauseReason: 'maintenance',
    });
  }, 120_000);
});

describe("a vendor's clock that is not ours", () => {
  it('is measured, shown and allowed for: nothing is read that lies in its future', async () => {
    vendors.set('skewed', { clockSkewSeconds: -600, answerMs: 0 });
    // an hour that settles may be due at any moment
    await start('skewed', tap({ settle: [] }));
    const status = await until('skewed', ({ pipelineState }) => pipelineState === 'idle');
    expect(status.tap?.clockSkewSeconds).toBe(-600);
    // the first window is read before anything is known of the clock, and is old
    const vendorNowMs = Date.now() - 600_000;
    expect(Date.parse(status.cursor)).toBeLessThanOrEqual(vendorNowMs - 60_000);
    expect(Date.parse(status.cursor)).toBeGreaterThan(vendorNowMs - 7 * 60_000);
    const { currentDetails } = await client.workflow
      .getHandle('ingest/skewed/source')
      .query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('Clock of the vendor: -600 s off, allowed for');
    // when the vendor's clock says so, not when ours does, and it is not asked in between
    expect(Date.parse(status.nextReadAt ?? '') - Date.now()).toBeGreaterThan(30_000);
  });

  it('is not relied on where it is ahead: to read too late loses nothing', async () => {
    vendors.set('ahead', { clockSkewSeconds: 900, answerMs: 0 });
    await start('ahead', tap());
    const status = await until('ahead', ({ pipelineState }) => pipelineState === 'idle');
    expect(status.tap?.clockSkewSeconds).toBe(900);
    expect(Date.parse(status.cursor)).toBeLessThanOrEqual(Date.now() - 60_000);
    for (const settled of Object.values(status.tap?.settled ?? {}))
      expect(Date.parse(settled)).toBeLessThanOrEqual(Date.now() - 35 * 60_000);
  });

  it.each([undefined, -600])('is not gone by where it is days off: what was known of it stays: %s', async (known) => {
    const tenantId = `days-off${known ?? ''}`;
    vendors.set(tenantId, { clockSkewSeconds: known ?? -8 * 86_400, answerMs: 0 });
    await start(tenantId, tap({ startFrom: '-30m', settle: [] }));
    const { totals } = await until(tenantId, ({ pipelineState }) => pipelineState === 'idle');
    vendors.set(tenantId, { clockSkewSeconds: -8 * 86_400, answerMs: 0 });
    await updateSource(client, name(tenantId), 'setCursor', {
      cursor: isoSeconds(floorTo(minuteMs, Date.now()) - 2 * hourMs),
    });
    const status = await until(tenantId, (now) => now.pipelineState === 'idle' && now.totals.batches > totals.batches);
    expect(status.tap?.clockSkewSeconds).toBe(known);
    expect(Date.parse(status.nextReadAt ?? '') - Date.now()).toBeLessThan(20 * minuteMs);
  });

  it('is not gone by where an earlier version had believed it', async () => {
    const cursor = isoSeconds(floorTo(minuteMs, Date.now()) - 10 * minuteMs);
    const believed = { settled: {}, late: {}, requests: {}, clockSkewSeconds: -8 * 86_400 };
    await startFrom('believed', tap({ settle: [] }), { cursor, startedFrom: cursor, tap: believed });
    await until(
      'believed',
      ({ pipelineState, tap: detail }) => pipelineState === 'idle' && detail?.clockSkewSeconds === 0,
    );
    expect(callsOf('believed', 'load').length).toBeGreaterThanOrEqual(1);
  });
});
