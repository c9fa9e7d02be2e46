import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { horizonMs } from '../../../sources/tap/plan.ts';
import { askedSinceMs, backfillPass, planSettle, settledByRead, settlePass } from '../../../sources/tap/settle.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const hour = Date.parse('2026-01-31T05:00:00Z');
const ageSeconds = 35 * 60;

describe('planSettle', () => {
  const input = {
    settledMs: hour,
    liveMs: hour + 2 * hourMs,
    ageSeconds,
    nowMs: hour + 2 * hourMs,
    windowSeconds: 3600,
  };

  it('reads an hour once its end is as old as the pass asks', () => {
    expect(planSettle({ ...input, nowMs: hour + hourMs + ageSeconds * 1000 - 1 })).toEqual({
      do: 'wait',
      untilMs: hour + hourMs + ageSeconds * 1000,
    });
    expect(planSettle({ ...input, nowMs: hour + hourMs + ageSeconds * 1000 })).toEqual({
      do: 'read',
      fromMs: hour,
      toMs: hour + hourMs,
    });
  });

  it('waits for the live read of the hour', () => {
    expect(planSettle({ ...input, liveMs: hour + hourMs - minuteMs })).toEqual({
      do: 'wait',
      untilMs: input.nowMs + minuteMs,
    });
  });

  it('skips what the vendor has no more, and only that', () => {
    const nowMs = hour + horizonMs + 30 * minuteMs;
    expect(planSettle({ ...input, liveMs: nowMs, nowMs })).toEqual({ do: 'skip', toMs: hour + 30 * minuteMs });
  });

  it('covers every minute once with windows of 1 to 60 minutes within an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 1, max: 60 }), (startMinute, windowMinutes) => {
        let settledMs = hour + startMinute * minuteMs;
        const nowMs = hour + 30 * hourMs;
        while (settledMs < hour + 24 * hourMs) {
          const plan = planSettle({ settledMs, liveMs: nowMs, ageSeconds, nowMs, windowSeconds: windowMinutes * 60 });
          if (plan.do !== 'read') throw new Error(`expected a read, got ${plan.do}`);
          expect(plan.fromMs).toBe(settledMs);
          expect(plan.toMs - plan.fromMs).toBeGreaterThanOrEqual(minuteMs);
          expect(plan.toMs - plan.fromMs).toBeLessThanOrEqual(windowMinutes * minuteMs);
          expect(Math.floor((plan.toMs - 1) / hourMs)).toBe(Math.floor(plan.fromMs / hourMs));
          settledMs = plan.toMs;
        }
      }),
    );
  });
});

describe('settledByRead', () => {
  const read = { fromMs: hour, toMs: hour + hourMs };
  const oldEnough = hour + hourMs + ageSeconds * 1000;

  it('moves a pass along with a first read that was late enough to have it all', () => {
    expect(settledByRead(hour, { ...read, atMs: oldEnough }, ageSeconds)).toBe(hour + hourMs);
    expect(settledByRead(hour, { ...read, atMs: oldEnough - 1 }, ageSeconds)).toBe(hour);
  });

  it('never jumps over what has not settled', () => {
    expect(settledByRead(hour - hourMs, { ...read, atMs: oldEnough }, ageSeconds)).toBe(hour - hourMs);
    expect(settledByRead(hour + 2 * hourMs, { ...read, atMs: oldEnough }, ageSeconds)).toBe(hour + 2 * hourMs);
  });
});

it('names passes by their age', () => {
  expect([settlePass(2100), settlePass(86_400), settlePass(5400)]).toEqual(['settle-35m', 'settle-1d', 'settle-90m']);
});

describe('askedSinceMs', () => {
  const window = { kind: 'tap', from: '2026-01-31T05:00:00Z', to: '2026-01-31T06:00:00Z' } as const;
  const toMs = Date.parse(window.to);

  it.each([
    ['live', toMs],
    [settlePass(35 * 60), toMs + 35 * minuteMs],
    [settlePass(24 * 3600), toMs + 24 * hourMs],
    [backfillPass('2026-02-03T10:20:30.456Z'), Date.parse('2026-02-03T10:20:30.456Z')],
    [backfillPass('2026-01-31T05:30:00.000Z'), toMs],
  ] as const)('is no later than a %s read can have been', (pass, timeMs) => {
    expect(askedSinceMs({ ...window, pass })).toBe(timeMs);
  });
});
