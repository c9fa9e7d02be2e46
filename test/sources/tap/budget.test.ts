import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backfillRetryMs,
  backfillShare,
  nextFreeMs,
  type RequestClass,
  type RequestLog,
  requestsLeft,
  requestsPerDay,
  steadyPace,
  usedRequests,
  withRequests,
} from '../../../sources/tap/budget.ts';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-01-31T00:30:00Z');
const pace = steadyPace({ every: 300, window: 3600, settle: [2100, 86_400] });

describe('request budget', () => {
  it('never lets any rolling 24 hours have more than our share, whoever asks and whenever', () => {
    const asks = fc.array(
      fc.record({
        each: fc.constantFrom<RequestClass>('live', 'settle', 'backfill'),
        wanted: fc.integer({ min: 1, max: 400 }),
        afterMs: fc.integer({ min: 0, max: 5 * hourMs }),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(asks, (sequence) => {
        let log: RequestLog = {};
        let nowMs = startMs;
        const made: { atMs: number; count: number }[] = [];
        for (const { each, wanted, afterMs } of sequence) {
          nowMs += afterMs;
          const count = Math.min(wanted, requestsLeft(each, { log, nowMs, ...pace }));
          log = withRequests(log, each, count, nowMs);
          made.push({ atMs: nowMs, count });
          const lastDay = made.filter(({ atMs }) => atMs > nowMs - 24 * hourMs);
          expect(lastDay.reduce((sum, request) => sum + request.count, 0)).toBeLessThanOrEqual(requestsPerDay);
        }
      }),
    );
  });

  it('keeps room for live reads that settle and backfill may not take', () => {
    const settled = withRequests({}, 'settle', requestsLeft('settle', { log: {}, nowMs: startMs, ...pace }), startMs);
    expect(requestsLeft('settle', { log: settled, nowMs: startMs, ...pace })).toBe(0);
    expect(requestsLeft('live', { log: settled, nowMs: startMs, ...pace })).toBe(72);
  });

  it('leaves a new source its whole day, however greedy a backfill is', () => {
    let log: RequestLog = {};
    log = withRequests(log, 'backfill', requestsLeft('backfill', { log, nowMs: startMs, ...pace }), startMs);
    expect(usedRequests(log, startMs).backfill).toBe(requestsPerDay - 72 - 336);
    for (let hour = 0; hour < 24; hour += 1) {
      const nowMs = startMs + hour * hourMs;
      expect(requestsLeft('live', { log, nowMs, ...pace })).toBeGreaterThanOrEqual(14);
      log = withRequests(log, 'live', 14, nowMs);
    }
  });

  it('says when the next requests become free', () => {
    const log = withRequests({}, 'live', 5, startMs);
    expect(nextFreeMs(log, startMs)).toBe(Date.parse('2026-02-01T01:00:00Z'));
    expect(usedRequests(log, nextFreeMs(log, startMs)).live).toBe(0);
    expect(nextFreeMs({}, startMs)).toBe(startMs);
  });

  it('stays small enough to travel with the state of a source', () => {
    let log: RequestLog = {};
    for (let hour = 0; hour < 100; hour += 1) log = withRequests(log, 'live', 12, startMs + hour * hourMs);
    expect(Object.keys(log).length).toBeLessThanOrEqual(26);
    expect(JSON.stringify(log).length).toBeLessThan(900);
  });

  it('keeps what settle needs in a day from live reads that would take all, and no more than that', () => {
    const greedy = withRequests({}, 'live', requestsLeft('live', { log: {}, nowMs: startMs, ...pace }), startMs);
    expect(usedRequests(greedy, startMs).live).toBe(requestsPerDay - 48);
    expect(requestsLeft('settle', { log: greedy, nowMs: startMs, ...pace })).toBe(48);
    const settled = withRequests(greedy, 'settle', 48, startMs);
    expect(requestsLeft('settle', { log: settled, nowMs: startMs, ...pace })).toBe(0);
    const alone = withRequests({}, 'settle', 48, startMs);
    expect(requestsLeft('live', { log: alone, nowMs: startMs, ...pace })).toBe(requestsPerDay - 48);
  });

  it('knows what a source reads in an ordinary day', () => {
    expect(pace).toEqual({ steadyPerDay: 288 + 48, settlePerDay: 48 });
    // windows end with their hour, and are no longer than they may be
    expect(steadyPace({ every: 3600, window: 1800, settle: [2100] })).toEqual({ steadyPerDay: 96, settlePerDay: 48 });
    expect(steadyPace({ every: 2400, window: 3600, settle: [] }).steadyPerDay).toBe(48);
    expect(steadyPace({ every: 300, window: 60, settle: [] }).steadyPerDay).toBe(1440);
  });

  it('sends a backfill away until requests become free, and for an hour where none ever do', () => {
    const none = steadyPace({ every: 60, window: 3600, settle: [2100, 86_400] });
    expect([backfillShare(pace), backfillShare(none)]).toEqual([1032, 0]);
    const log = withRequests({}, 'backfill', 1032, startMs);
    expect(backfillRetryMs({ log, nowMs: startMs, ...pace })).toBe(nextFreeMs(log, startMs));
    expect(backfillRetryMs({ log: {}, nowMs: startMs, ...none })).toBe(startMs + hourMs);
    expect(backfillRetryMs({ log, nowMs: startMs, ...none })).toBe(nextFreeMs(log, startMs));
  });
});
