import { describe, expect, it, vi } from 'vitest';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { batchId, isoSeconds } from '../../sources/batch.ts';
import { tapBackfill } from '../../workflows/index.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import {
  callsOf,
  client,
  failure,
  failures,
  gates,
  landings,
  looks,
  name,
  objects,
  s3,
  sizes,
  start,
  startFrom,
  tap,
  taskQueue,
  until,
  untilPolled,
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
    failures.set('poison p/2', failure('s3.unavailable', { directive: 'wait', remedy: 'none' }));
    await start('poison', s3());
    const status = await until('poison', ({ pipelineState }) => pipelineState === 'backoff');
    expect(status).toMatchObject({ cursor: '', totals: { batches: 2 } });
    failures.clear();
    expect(await updateSource(client, name('poison'), 'pollNow')).toMatchObject({ cursor: 'p/3' });
  });

  it('goes on where a pass behind its cursor meets an object that the store refuses, and asks for it again', async () => {
    objects.set('denied', ['p/1', 'p/2', 'p/3']);
    await start('denied', { ...s3({ lookBack: '0s' }), reconcile: 1 });
    await until('denied', ({ pipelineState }) => pipelineState === 'idle');
    objects.get('denied')?.push('p/0', 'p/4');
    failures.set('denied p/0', failure('s3.kms_denied', { directive: 'block', remedy: 'grant it' }));
    const refused = { key: 'p/0', code: 's3.kms_denied', remedy: 'grant it', pass: 'full' };
    const meeting = await untilPolled('denied', ({ s3: detail }) => detail?.refused !== undefined);
    expect(meeting).toMatchObject({ pipelineState: 'idle', consecutiveErrors: 0, cursor: 'p/4', s3: { refused } });
    failures.delete('denied p/0');
    const granted = await untilPolled('denied', ({ s3: detail }) => detail?.refused === undefined);
    expect(granted.totals.batches).toBe(5);
  });

  it('is stopped by one that its live listing meets', async () => {
    objects.set('stopped', ['p/1', 'p/2']);
    failures.set('stopped p/2', failure('s3.kms_denied', { directive: 'block', remedy: 'grant it' }));
    await start('stopped', s3());
    const status = await until('stopped', ({ pipelineState }) => pipelineState === 'blocked');
    expect(status).toMatchObject({ cursor: '', lastError: { code: 's3.kms_denied' } });
    failures.delete('stopped p/2');
  });

  it('goes on where its live listing meets such an object before the cursor, perhaps because it was set behind it', async () => {
    const day = `p/${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}`;
    // a hundred are listed a step: the pass stands in the partition when it meets the object
    const keys = Array.from({ length: 150 }, (_, index) => `${day}/${1000 + index}`);
    const [locked = '', last = ''] = keys.slice(-2);
    objects.set('locked', keys);
    failures.set(`locked ${locked}`, failure('s3.object_refused', { directive: 'block', remedy: 'move it' }));
    await start('locked', s3({ layout: '%Y/%m/%d/' }));
    const stopped = await until('locked', ({ pipelineState }) => pipelineState === 'blocked');
    expect(stopped).toMatchObject({ cursor: keys[99], s3: { live: { after: keys[99] } } });
    keys.push(`${day}/2000`);
    await until('locked', ({ consecutiveErrors }) => consecutiveErrors === 2);
    const lists = callsOf('locked', 'list').length;
    await updateSource(client, name('locked'), 'setCursor', { cursor: last });
    const refused = { key: locked, code: 's3.object_refused', pass: 'live' };
    const passed = await until('locked', ({ pipelineState }) => pipelineState === 'idle');
    expect(passed).toMatchObject({ cursor: `${day}/2000`, totals: { batches: 150 }, s3: { refused } });
    // not the rest of the pass that was stopped
    expect(callsOf('locked', 'list')[lists]?.from).toBe(`${day}/`);
    failures.delete(`locked ${locked}`);
    const open = await untilPolled('locked', ({ s3: detail }) => detail?.refused === undefined);
    expect(open.totals.batches).toBe(151);
  });

  it('refuses a cursor that is no key of the source', async () => {
    objects.set('elsewhere', ['p/1']);
    await start('elsewhere', s3({ prefix: 'p/' }));
    await until('elsewhere', ({ pipelineState }) => pipelineState === 'idle');
    const update = (cursor: string) => updateSource(client, name('elsewhere'), 'setCursor', { cursor });
    await expect(update('zzz')).rejects.toThrow(/a key below its prefix "p\/", or empty/);
    expect(await update('p/0')).toMatchObject({ cursor: 'p/0' });
  });

  it('leaves an object that is overwritten during each read to the passes behind its cursor', async () => {
    objects.set('hot', ['p/1', 'p/2', 'p/3']);
    failures.set('hot p/2', failure('s3.object_changed', { directive: 'wait', remedy: 'none' }));
    await start('hot', { ...s3({ lookBack: '0s' }), reconcile: 1 });
    const status = await until('hot', ({ pipelineState }) => pipelineState === 'idle');
    expect(status).toMatchObject({ cursor: 'p/3', consecutiveErrors: 0, totals: { batches: 2 } });
    expect(status.s3?.refused).toBeUndefined();
    failures.delete('hot p/2');
    await untilPolled('hot', ({ totals }) => totals.batches === 3);
  });

  it.each<[string, (tenantId: string) => Promise<unknown>, Partial<SourceStatus>]>([
    [
      'paused',
      (tenantId) => updateSource(client, name(tenantId), 'pause', { reason: 'test' }),
      { pipelineState: 'paused', cursor: '' },
    ],
    [
      'sent elsewhere',
      (tenantId) => updateSource(client, name(tenantId), 'reconfigure', { settings: s3({ prefix: 'q/' }) }),
      { pipelineState: 'idle', cursor: 'q/1' },
    ],
  ])('loads nothing more of what it has listed when it is %s', async (word, act, outcome) => {
    const tenantId = `ended-${word.replace(' ', '-')}`;
    const keys = Array.from({ length: 24 }, (_, index) => `p/${100 + index}`);
    objects.set(tenantId, keys);
    // a group each
    sizes.set(tenantId, 9_000_000);
    let open = () => {};
    gates.set(tenantId, new Promise((resolve) => (open = resolve)));
    await start(tenantId, s3());
    await vi.waitFor(() => expect(callsOf(tenantId, 'load')).toHaveLength(8), 10_000);
    await act(tenantId);
    objects.set(tenantId, ['q/1']);
    open();
    await until(
      tenantId,
      ({ pipelineState, totals }) => pipelineState === outcome.pipelineState && totals.batches >= 8,
    );
    const status = await until(tenantId, ({ cursor }) => cursor === outcome.cursor);
    expect(status).toMatchObject(outcome);
    const loaded = callsOf(tenantId, 'load').map(({ key = '' }) => key);
    expect(loaded.filter((key) => key.startsWith('p/')).toSorted()).toEqual(keys.slice(0, 8));
    // nothing of it is passed
    objects.set(tenantId, ['q/1', ...keys]);
    await updateSource(client, name(tenantId), 'reconfigure', { settings: s3() });
    await updateSource(client, name(tenantId), 'resume');
    await until(tenantId, ({ totals }) => totals.batches >= 24);
  });

  it.each([
    ['prefix', { prefix: 'a/' }],
    ['bucket', { bucket: 'other' }],
    ['endpoint', { endpoint: 'https://s3.example' }],
  ])('begins anew with another %s, and not with other settings', async (part, place) => {
    const tenantId = `moved-${part}`;
    objects.set(tenantId, ['p/1', 'p/2']);
    await start(tenantId, s3());
    await until(tenantId, ({ pipelineState }) => pipelineState === 'idle');
    await updateSource(client, name(tenantId), 'reconfigure', { settings: s3({ every: '2m' }) });
    const same = await until(
      tenantId,
      ({ pipelineState, settings }) => pipelineState === 'idle' && settings.every === 120,
    );
    expect(same.cursor).toBe('p/2');
    // before the cursor, so that nothing but a new beginning finds it at once
    objects.set(tenantId, ['a/1', 'a/2']);
    await updateSource(client, name(tenantId), 'reconfigure', { settings: s3(place) });
    const anew = await until(tenantId, ({ pipelineState, totals }) => pipelineState === 'idle' && totals.batches === 4);
    expect(anew).toMatchObject({ cursor: 'a/2', startedFrom: '' });
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

  it('carries cursor, totals and search attributes into its next run', async () => {
    objects.set('long', ['p/1']);
    await start('long', s3());
    await until('long', ({ pipelineState }) => pipelineState === 'idle');
    const handle = client.workflow.getHandle('ingest/long/source');
    const firstRun = (await handle.describe()).runId;
    for (let polls = 0; polls < 101; polls += 1) await updateSource(client, name('long'), 'pollNow');
    await until('long', ({ pipelineState }) => pipelineState === 'idle');
    // a query sees the state a moment before the server does
    const description = await vi.waitFor(async () => {
      const described = await handle.describe();
      expect(described.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
        expect.arrayContaining([
          ['TenantId', 'long'],
          ['PipelineState', 'idle'],
        ]),
      );
      return described;
    }, 10_000);
    expect(description.runId).not.toBe(firstRun);
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
