import { describe, expect, it, vi } from 'vitest';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { batchId, isoSeconds } from '../../sources/batch.ts';
import {
  callsOf,
  client,
  failure,
  failures,
  landings,
  looks,
  name,
  objects,
  s3,
  start,
  tap,
  until,
  untilPolled,
  vendors,
} from './world.ts';

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
    const hourMs = 3_600_000;
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
    vendors.set('ahead', { clockSkewSeconds: 36_000, answerMs: 0 });
    await start('ahead', tap());
    const status = await until('ahead', ({ pipelineState }) => pipelineState === 'idle');
    expect(status.tap?.clockSkewSeconds).toBe(36_000);
    expect(Date.parse(status.cursor)).toBeLessThanOrEqual(Date.now() - 60_000);
    for (const settled of Object.values(status.tap?.settled ?? {}))
      expect(Date.parse(settled)).toBeLessThanOrEqual(Date.now() - 35 * 60_000);
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
    const hourMs = 3_600_000;
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
