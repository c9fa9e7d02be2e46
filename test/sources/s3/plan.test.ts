import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterLive,
  afterSide,
  groupObjects,
  isKeyBefore,
  laterKey,
  liveAfter,
  newPasses,
  type Passes,
  planSidePass,
  withMark,
} from '../../../sources/s3/plan.ts';
import { s3Settings } from '../../../sources/settings.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const startMs = Date.parse('2026-01-31T00:00:00Z');
const settingsOf = (more: object = {}) =>
  s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'logs', prefix: 'p/', ...more });

interface Upload {
  readonly atMs: number;
  readonly key: string;
  readonly version: string;
}

/** What a source finds of uploads, and when: one step a minute, pages of three keys, some minutes without a worker. */
function simulate(
  uploads: readonly Upload[],
  settings: ReturnType<typeof settingsOf>,
  untilMs: number,
  isDown: (timeMs: number) => boolean = () => false,
): { readonly foundMs: ReadonlyMap<string, number>; readonly stateBytes: number; readonly lists: number } {
  const foundMs = new Map<string, number>();
  const pending = [...uploads].sort((a, b) => a.atMs - b.atMs);
  const bucket = new Map<string, string>();
  let passes: Passes = newPasses(startMs);
  let [cursor, stateBytes, lists] = ['', 0, 0];

  function list(after: string, until: string | undefined, listsMax: number, nowMs: number) {
    const keys = [...bucket.keys()].filter((key) => key > after && (until === undefined || key <= until)).sort();
    const page = keys.slice(0, 3 * listsMax);
    lists += Math.max(1, Math.ceil(page.length / 3));
    for (const key of page) {
      const version = `${key}@${bucket.get(key)}`;
      if (!foundMs.has(version)) foundMs.set(version, nowMs);
    }
    return { lastKey: page.at(-1), more: keys.length > page.length, listedAt: new Date(nowMs).toISOString() };
  }

  for (let nowMs = startMs; nowMs <= untilMs; nowMs += minuteMs) {
    while (pending[0] !== undefined && pending[0].atMs <= nowMs) {
      const { key, version } = pending.shift() as Upload;
      bucket.set(key, version);
    }
    if (isDown(nowMs)) continue;
    passes = withMark(passes, settings, cursor, nowMs);
    const live = list(liveAfter(settings, passes, cursor, nowMs), undefined, 10, nowMs);
    cursor = laterKey(cursor, live.lastKey ?? cursor);
    ({ passes } = afterLive(passes, settings, live));
    const side = planSidePass(settings, passes, cursor, nowMs);
    if (side !== undefined) {
      passes = afterSide(passes, side, list(side.after, side.until, live.more ? 1 : 10, nowMs));
    }
    stateBytes = Math.max(stateBytes, JSON.stringify(passes).length);
  }
  return { foundMs, stateBytes, lists };
}

/** A key of its minute, as collectors name them. */
const keyOf = (timeMs: number, name = '') =>
  `p/${new Date(timeMs).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/')}/${new Date(timeMs).toISOString().slice(14, 16)}${name}`;

/** Ten hours, something each five minutes. */
const inOrder = Array.from({ length: 120 }, (_, index): Upload => {
  const atMs = startMs + index * 5 * minuteMs;
  return { atMs, key: keyOf(atMs), version: '1' };
});

const layout = '%Y/%m/%d/%H/';

describe('the passes of an S3 source', () => {
  it.each([{}, { layout }])('find what is late by less than lookBack within a quarter of it: %o', (more) => {
    const settings = settingsOf({ lookBack: '1h', reconcile: '30d', ...more });
    const late = fc.record({
      minute: fc.integer({ min: 5, max: 500 }),
      lateMinutes: fc.integer({ min: 1, max: 58 }),
      overwrites: fc.boolean(),
    });
    // an hour-long outage begins anywhere
    fc.assert(
      fc.property(fc.array(late, { maxLength: 8 }), fc.integer({ min: 0, max: 540 }), (lates, downMinute) => {
        const uploads = lates.map(({ minute, lateMinutes, overwrites }, index): Upload => {
          const timeMs = startMs + (overwrites ? minute - (minute % 5) : minute) * minuteMs;
          const key = keyOf(timeMs, overwrites ? '' : `-${index}`);
          return { atMs: timeMs + lateMinutes * minuteMs, key, version: `late ${index}` };
        });
        // of two that overwrite one object only the last can be found
        const last = uploads.filter(
          (upload) =>
            !uploads.some((other) => other.key === upload.key && other !== upload && other.atMs >= upload.atMs),
        );
        const isDown = (timeMs: number) =>
          timeMs >= startMs + downMinute * minuteMs && timeMs < startMs + (downMinute + 60) * minuteMs;
        const { foundMs, stateBytes } = simulate([...inOrder, ...last], settings, startMs + 13 * hourMs, isDown);
        for (const { key, version, atMs } of last) {
          const waitedMs = (foundMs.get(`${key}@${version}`) ?? Infinity) - atMs;
          const isUp = !isDown(atMs) && !isDown(atMs + 17 * minuteMs);
          expect(waitedMs, `${key} ${version}`).toBeLessThanOrEqual((isUp ? 17 : 77) * minuteMs);
        }
        expect(stateBytes).toBeLessThan(1500);
      }),
      { numRuns: 60 },
    );
  });

  it('find whatever is late by a full listing, and nothing without one', () => {
    const uploads = [...inOrder, { atMs: startMs + 9 * hourMs, key: keyOf(startMs + 2 * minuteMs), version: 'late' }];
    const late = `${keyOf(startMs + 2 * minuteMs)}@late`;
    const found = (more: object) => simulate(uploads, settingsOf(more), startMs + 14 * hourMs).foundMs.get(late);
    expect(found({ lookBack: '1h', reconcile: '30d' })).toBeUndefined();
    expect(found({ lookBack: '1h', reconcile: '4h' })).toBeLessThanOrEqual(startMs + 12 * hourMs + 10 * minuteMs);
    expect(found({ lookBack: '0s', reconcile: '4h', layout })).toBeDefined();
  });

  it('are not without a need: without lookBack a late object waits for the full listing', () => {
    const late: Upload = { atMs: startMs + 30 * minuteMs, key: keyOf(startMs + 12 * minuteMs), version: 'late' };
    const found = (lookBack: string) =>
      simulate([...inOrder, late], settingsOf({ lookBack, reconcile: '30d' }), startMs + 10 * hourMs).foundMs.has(
        `${late.key}@late`,
      );
    expect(found('0s')).toBe(false);
    expect(found('1h')).toBe(true);
  });

  it('find names in any order within the partition of now by the live listing, with a layout', () => {
    const unordered: Upload = { atMs: startMs + 50 * minuteMs, key: keyOf(startMs + minuteMs, '-z'), version: '1' };
    const settings = settingsOf({ lookBack: '0s', reconcile: '30d', layout });
    const { foundMs } = simulate([...inOrder, unordered], settings, startMs + hourMs);
    expect(foundMs.get(`${unordered.key}@1`)).toBe(startMs + 50 * minuteMs);
  });

  it.each([{}, { layout }])(
    'list little again once a prefix is read whose listing takes longer than lookBack: %o',
    (more) => {
      // thirty keys a step: eighty minutes, and marks go back one hour and three quarters
      const standing = Array.from({ length: 2400 }, (_, index): Upload => {
        const key = keyOf(startMs - (2400 - index) * hourMs, `-${index}`);
        return { atMs: startMs, key, version: '1' };
      });
      const settings = settingsOf({ lookBack: '1h', reconcile: '30d', ...more });
      const listsUntil = (hours: number) => simulate(standing, settings, startMs + hours * hourMs).lists;
      // one a minute, and four look-backs an hour that find nothing passed
      expect(listsUntil(14) - listsUntil(10)).toBeLessThanOrEqual(4 * 60 + 16 + 1);
    },
  );

  it('keep a small state however long the keys are', () => {
    const long = inOrder.map((upload) => ({ ...upload, key: `${upload.key}${'x'.repeat(1000)}` }));
    const settings = settingsOf({ lookBack: '1h', reconcile: '30d' });
    expect(simulate(long, settings, startMs + 10 * hourMs).stateBytes).toBeLessThan(2000);
  });
});

describe('the order of keys', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 6 }), (a, b) => {
        expect(isKeyBefore(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0);
      }),
    );
    expect(isKeyBefore('\uffee', '\u{1f4e7}')).toBe(true);
  });
});

describe('groups of objects', () => {
  it('keep all objects in order, none larger than a hundred or, unless alone, 8 MB', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000_000 }), { maxLength: 500 }), (sizes) => {
        const groups = groupObjects(sizes.map((sizeBytes) => ({ sizeBytes })));
        expect(groups.flat().map(({ sizeBytes }) => sizeBytes)).toEqual(sizes);
        for (const group of groups) {
          expect(group.length).toBeLessThanOrEqual(100);
          const bytes = group.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
          expect(group.length === 1 || bytes <= 8_000_000).toBe(true);
        }
      }),
    );
  });
});
