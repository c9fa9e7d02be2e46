import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterLive,
  afterSide,
  cursorAfter,
  cursorBack,
  groupObjects,
  isKeyBefore,
  liveAfter,
  newPasses,
  type Passes,
  planSidePasses,
  withCursorBack,
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
  /** A queue brings it at once. */
  readonly isQueued?: true;
}

/** What a source finds of uploads, and when: a step each `every`, pages of three keys, some minutes without a worker. */
function simulate(
  uploads: readonly Upload[],
  settings: ReturnType<typeof settingsOf>,
  untilMs: number,
  isDown: (timeMs: number) => boolean = () => false,
): { readonly foundMs: ReadonlyMap<string, number>; readonly stateBytes: number; readonly lists: number } {
  const foundMs = new Map<string, number>();
  const pending = [...uploads].sort((a, b) => a.atMs - b.atMs);
  const bucket = new Map<string, Upload>();
  let passes: Passes = newPasses(startMs);
  let [cursor, stateBytes, lists, nextMs] = ['', 0, 0, startMs];

  function list(after: string, until: string | undefined, listsMax: number, nowMs: number) {
    const keys = [...bucket.keys()].filter((key) => key > after && (until === undefined || key <= until)).sort();
    const page = keys.slice(0, 3 * listsMax);
    const listRequests = Math.max(1, Math.ceil(page.length / 3));
    lists += listRequests;
    const uploadedMs = (key: string) => bucket.get(key)?.atMs ?? 0;
    const lastPages = page.slice(3 * Math.max(0, Math.floor((page.length - 1) / 3) - 1));
    const [newest] = lastPages.toSorted((a, b) => uploadedMs(b) - uploadedMs(a));
    const objects = page.flatMap((key) => {
      const { version, atMs } = bucket.get(key) as Upload;
      if (foundMs.has(`${key}@${version}`)) return [];
      foundMs.set(`${key}@${version}`, nowMs);
      return [{ key, lastModified: new Date(atMs).toISOString() }];
    });
    const listedAt = new Date(nowMs).toISOString();
    return { lastKey: page.at(-1), newest, more: keys.length > page.length, listedAt, listRequests, objects };
  }

  for (let nowMs = startMs; nowMs <= untilMs; nowMs += minuteMs) {
    while (pending[0] !== undefined && pending[0].atMs <= nowMs) {
      const upload = pending.shift() as Upload;
      bucket.set(upload.key, upload);
      if (upload.isQueued === true) foundMs.set(`${upload.key}@${upload.version}`, nowMs);
    }
    if (isDown(nowMs) || nowMs < nextMs) continue;
    passes = withMark(passes, settings, cursor, nowMs);
    const live = list(liveAfter(settings, passes, cursor, nowMs), undefined, 10, nowMs);
    cursor = cursorAfter(settings, cursor, live);
    ({ passes } = afterLive(passes, settings, live));
    for (const side of planSidePasses(settings, passes, cursor, nowMs)) {
      const part = list(side.after, side.until, live.more ? 1 : 10, nowMs);
      passes = afterSide(passes, side, part);
      const back = cursorBack(settings, passes, cursor, { ...side, ...part });
      if (back !== cursor) passes = withCursorBack(passes, settings, back, side.pass);
      cursor = back;
    }
    const isUnderWay = live.more || passes.lookBack !== undefined || passes.full !== undefined;
    nextMs = nowMs + (isUnderWay ? minuteMs : settings.every * 1000);
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

  it.each(['1m', '14m', '15m', '1h', '6h'])('have each their turn where the source is read each %s', (every) => {
    const late: Upload = { atMs: startMs + 9 * hourMs, key: keyOf(startMs + 2 * minuteMs), version: 'late' };
    for (const more of [{}, { layout }]) {
      const settings = settingsOf({ every, lookBack: '1h', reconcile: '8h', ...more });
      const { foundMs } = simulate([...inOrder, late], settings, startMs + 48 * hourMs);
      expect(foundMs.size).toBe(inOrder.length + 1);
      expect(foundMs.get(`${late.key}@late`)).toBeLessThanOrEqual(startMs + 30 * hourMs);
    }
  });

  it('are not held by a key behind those of all that comes later', () => {
    const days = Array.from({ length: 72 * 12 }, (_, index): Upload => {
      const atMs = startMs + index * 5 * minuteMs;
      return { atMs, key: keyOf(atMs), version: '1' };
    });
    const stray: Upload = { atMs: startMs + 2 * hourMs + 2 * minuteMs, key: 'p/readme.txt', version: '1' };
    const { foundMs, lists } = simulate([...days, stray], settingsOf({ reconcile: '12h' }), startMs + 72 * hourMs);
    const delaysMs = days.map(({ key, version, atMs }) => (foundMs.get(`${key}@${version}`) ?? Infinity) - atMs);
    // a look-back shows it, and from then on nearly everything is found at once: a page that ends before that key hides it
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(17 * minuteMs);
    expect(delaysMs.filter((delayMs) => delayMs > 2 * minuteMs).length).toBeLessThan(days.length / 20);
    // one a minute, 288 look-backs, and the parts of six full listings
    expect(lists).toBeLessThan(72 * 60 + 288 * 4 + 6 * 300);
  });

  it('are not held by such a key either where a queue brings nearly all', () => {
    const days = Array.from({ length: 72 * 12 }, (_, index): Upload => {
      const atMs = startMs + index * 5 * minuteMs;
      const upload = { atMs, key: keyOf(atMs), version: '1' };
      // the messages of some get lost
      return index % 36 === 20 ? upload : { ...upload, isQueued: true };
    });
    const stray: Upload = { atMs: startMs + hourMs, key: 'p/readme.txt', version: '1' };
    const lost = days.filter(({ isQueued }) => isQueued === undefined);
    for (const every of ['1m', '1h']) {
      const { foundMs } = simulate([...days, stray], settingsOf({ every }), startMs + 96 * hourMs);
      const delaysMs = lost.map(({ key, version, atMs }) => (foundMs.get(`${key}@${version}`) ?? Infinity) - atMs);
      expect(Math.max(...delaysMs)).toBeLessThanOrEqual(settingsOf({ every }).every * 1000);
    }
  });

  it('let a cursor stay where late objects come while nothing else does', () => {
    const late: Upload = { atMs: startMs + 20 * hourMs, key: keyOf(startMs + 2 * minuteMs), version: 'late' };
    const settings = settingsOf({ reconcile: '8h' });
    const listsOf = (uploads: readonly Upload[]) => simulate(uploads, settings, startMs + 48 * hourMs).lists;
    // all that lies behind it is listed once more, forty pages
    expect(listsOf([...inOrder, late]) - listsOf(inOrder)).toBeLessThanOrEqual(50);
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

  it('list no more with a long prefix', () => {
    const below = (prefix: string) =>
      simulate(
        inOrder.map((upload) => ({ ...upload, key: prefix + upload.key.slice(2) })),
        settingsOf({ prefix, reconcile: '30d' }),
        startMs + 10 * hourMs,
      ).lists;
    expect(below(`${'p'.repeat(170)}/`)).toBe(below('p/'));
  });

  it.each([
    ['%Y/%m/%d.json.gz', 10],
    ['%Y/%m/%d', 10],
    ['%Y/%m/%d', 19],
    ['%Y%m%d-%H', 10],
    ['mail_%Y%m%d.1', 19],
  ])('see at once that an object is overwritten whose whole name is its date: %s, hour %d', (whole, hour) => {
    const nameOf = (timeMs: number) => {
      const [year = '', month = '', day = '', hours = ''] = new Date(timeMs).toISOString().split(/[-T:]/);
      const parts: Record<string, string> = { '%Y': year, '%m': month, '%d': day, '%H': hours };
      return `p/${whole.replace(/%./g, (unit) => parts[unit] ?? '')}`;
    };
    const days = Array.from({ length: 30 }, (_, index) => nameOf(startMs + (index - 10) * 24 * hourMs));
    const before = days.map((key): Upload => ({ atMs: startMs, key, version: '1' }));
    const atMs = startMs + hour * 24 * hourMs;
    const again: Upload = { atMs: atMs + hourMs / 2, key: nameOf(atMs), version: '2' };
    const settings = settingsOf({ lookBack: '0s', reconcile: '30d', layout: whole });
    const { foundMs } = simulate([...before.filter(({ key }) => key <= again.key), again], settings, atMs + 2 * hourMs);
    expect(foundMs.get(`${again.key}@2`)).toBe(again.atMs);
  });

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
