import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coverageOf, coveragePicture, type ReadWindow } from '../../lake/coverage.ts';

const minute = 60_000;
const settleSeconds = [35 * 60, 86_400];
/** A window in minutes, read that many minutes after its end. */
const window = (from: number, to: number, age: number | undefined): ReadWindow => ({
  fromMs: from * minute,
  toMs: to * minute,
  readAtMs: age === undefined ? undefined : (to + age) * minute,
});
const cover = (windows: readonly ReadWindow[], to: number) =>
  coverageOf({ windows, fromMs: 0, toMs: to * minute, settleSeconds }).map(({ fromMs, toMs, state, passes }) => [
    fromMs / minute,
    toMs / minute,
    state,
    passes,
  ]);

describe('coverage', () => {
  it('tells read from settled by the age at which a window was read', () => {
    expect(cover([window(0, 5, 1), window(5, 10, 36), window(10, 15, 2000)], 20)).toEqual([
      [0, 5, 'read', 0],
      [5, 10, 'settled', 1],
      [10, 15, 'settled', 2],
      [15, 20, 'unread', 0],
    ]);
  });

  it('takes the best of several reads, and joins what is alike', () => {
    expect(cover([window(0, 5, 1), window(5, 10, 1), window(0, 60, 40)], 60)).toEqual([[0, 60, 'settled', 1]]);
  });

  it('shows a recorded gap as lost until somebody read it after all', () => {
    expect(cover([window(0, 30, undefined), window(10, 20, 50)], 30)).toEqual([
      [0, 10, 'lost', 0],
      [10, 20, 'settled', 1],
      [20, 30, 'lost', 0],
    ]);
  });

  it('says for every minute what looking at that minute alone says', () => {
    const windows = fc.array(
      fc.record({
        from: fc.integer({ min: -10, max: 100 }),
        length: fc.integer({ min: 1, max: 40 }),
        age: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(windows, (given) => {
        const all = given.map(({ from, length, age }) => window(from, from + length, age));
        const intervals = coverageOf({ windows: all, fromMs: 0, toMs: 100 * minute, settleSeconds });
        expect(intervals[0]?.fromMs).toBe(0);
        expect(intervals.at(-1)?.toMs).toBe(100 * minute);
        for (const [index, { fromMs }] of intervals.slice(1).entries()) expect(fromMs).toBe(intervals[index]?.toMs);
        for (let at = 0; at < 100; at += 1) {
          const over = all.filter(({ fromMs, toMs }) => fromMs <= at * minute && toMs > at * minute);
          const ages = over.flatMap(({ readAtMs, toMs }) => (readAtMs === undefined ? [] : [(readAtMs - toMs) / 1000]));
          const passes = Math.max(0, ...ages.map((age) => settleSeconds.filter((seconds) => age >= seconds).length));
          const state = over.length === 0 ? 'unread' : ages.length === 0 ? 'lost' : passes === 0 ? 'read' : 'settled';
          const found = intervals.find(({ fromMs, toMs }) => fromMs <= at * minute && toMs > at * minute);
          expect([found?.state, found?.passes]).toEqual([state, passes]);
        }
      }),
    );
  });

  it('draws one character a bucket: the worst that is in it', () => {
    const intervals = coverageOf({
      windows: [window(0, 20, 2000), window(20, 30, 40), window(30, 40, 1), window(45, 50, undefined)],
      fromMs: 0,
      toMs: 60 * minute,
      settleSeconds,
    });
    expect(coveragePicture(intervals, 10 * minute, 2)).toBe('██▒░··');
    expect(coveragePicture(intervals, 5 * minute, 2)).toBe('████▒▒░░·x··');
  });
});
