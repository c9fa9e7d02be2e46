import { describe, expect, it, vi } from 'vitest';
import { updateSource } from '../../scripts/source-registry.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import {
  callsOf,
  client,
  failure,
  failures,
  gates,
  name,
  objects,
  s3,
  sizes,
  start,
  until,
  untilPolled,
} from './world.ts';

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
});
