import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cursorProblem,
  lostUntilMs,
  oldestMinuteMs,
  planTapRead,
  type TapPlan,
  type TapPlanInput,
} from '../../../sources/tap/plan.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const horizonMs = 7 * 24 * hourMs - 15 * minuteMs;
const pace = { everySeconds: 300, lagSeconds: 60, windowSeconds: 3600 };
const at = (time: string): number => Date.parse(`2026-01-31T${time}Z`);

describe('planTapRead', () => {
  it('waits for the next turn when caught up', () => {
    expect(planTapRead({ ...pace, cursorMs: at('05:10:00'), nowMs: at('05:11:01') })).toEqual({
      do: 'wait',
      untilMs: at('05:16:00'),
    });
  });

  it('reads up to the lag when its turn has come, in whole minutes', () => {
    expect(planTapRead({ ...pace, cursorMs: at('05:10:00'), nowMs: at('05:18:59.999') })).toEqual({
      do: 'read',
      fromMs: at('05:10:00'),
      toMs: at('05:17:00'),
    });
  });

  it('reads at once when a whole window is waiting', () => {
    expect(planTapRead({ ...pace, windowSeconds: 60, cursorMs: at('05:10:00'), nowMs: at('05:12:00') })).toEqual({
      do: 'read',
      fromMs: at('05:10:00'),
      toMs: at('05:11:00'),
    });
  });

  it('ends a window with its hour', () => {
    expect(planTapRead({ ...pace, cursorMs: at('05:50:00'), nowMs: at('07:00:00') })).toEqual({
      do: 'read',
      fromMs: at('05:50:00'),
      toMs: at('06:00:00'),
    });
  });

  it('makes a gap of what the vendor no longer gives', () => {
    const nowMs = at('05:10:20');
    expect(planTapRead({ ...pace, cursorMs: nowMs - 8 * 24 * hourMs, nowMs })).toEqual({
      do: 'gap',
      fromMs: Date.parse('2026-01-23T05:10:00Z'),
      toMs: Date.parse('2026-01-24T05:26:00Z'),
    });
  });

  it('ends a gap where nothing of it can be filled, from that moment on', () => {
    for (const seconds of [0, 1, 20, 59]) {
      const nowMs = at('05:10:00') + seconds * 1000;
      const plan = planTapRead({ ...pace, cursorMs: nowMs - 8 * 24 * hourMs, nowMs });
      expect(plan).toMatchObject({ do: 'gap', toMs: oldestMinuteMs(nowMs) });
      expect(oldestMinuteMs(nowMs) - (nowMs - horizonMs)).toBeLessThan(minuteMs);
      expect(oldestMinuteMs(nowMs)).toBeGreaterThanOrEqual(nowMs - horizonMs);
    }
  });

  const minutes = (max: number) => fc.integer({ min: 1, max }).map((count) => count * 60);
  const jumps = fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 0, max: 20 * minuteMs }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 2 * 24 * hourMs }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 10 * 24 * hourMs }) },
    ),
    { minLength: 1, maxLength: 25 },
  );

  /** The rules that a step breaks, by name: expectations are too slow for a hundred thousand steps. */
  function brokenRules(
    { do: kind, fromMs, toMs }: Exclude<TapPlan, { do: 'wait' }>,
    { cursorMs, nowMs, lagSeconds, windowSeconds }: TapPlanInput,
  ): string[] {
    const oldestMs = nowMs - horizonMs;
    const rules: Readonly<Record<string, boolean>> = {
      'begins where the last step ended': fromMs === cursorMs,
      'ends on a whole minute': toMs % minuteMs === 0,
      ...(kind === 'gap'
        ? {
            'is a gap only behind the horizon': fromMs < oldestMs,
            'ends in the first minute within the horizon': toMs >= oldestMs && toMs < oldestMs + minuteMs,
          }
        : {
            'is read only within the horizon': fromMs >= oldestMs,
            'ends before the lag': toMs <= nowMs - lagSeconds * 1000,
            'is at least a minute long': toMs - fromMs >= minuteMs,
            'is at most a window long': toMs - fromMs <= windowSeconds * 1000,
            'stays within one hour': Math.floor((toMs - 1) / hourMs) === Math.floor(fromMs / hourMs),
          }),
    };
    return Object.keys(rules).filter((rule) => rules[rule] === false);
  }

  it('covers time without hole or overlap, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.record({ everySeconds: minutes(60), lagSeconds: minutes(60), windowSeconds: minutes(60) }),
        fc.integer({ min: -2 * hourMs, max: 9 * 24 * hourMs }),
        jumps,
        (settings, ageMs, clock) => {
          let nowMs = at('05:10:20.123');
          let cursorMs = Math.floor((nowMs - ageMs) / minuteMs) * minuteMs;
          for (const jumpMs of clock) {
            nowMs += jumpMs;
            let plan = planTapRead({ ...settings, cursorMs, nowMs });
            while (plan.do !== 'wait') {
              const broken = brokenRules(plan, { ...settings, cursorMs, nowMs });
              if (broken.length > 0) throw new Error(`${JSON.stringify(plan)} is not a step that ${broken.join(', ')}`);
              cursorMs = plan.toMs;
              plan = planTapRead({ ...settings, cursorMs, nowMs });
            }
            // It waits only once caught up, and never in vain.
            expect(plan.untilMs).toBeGreaterThan(nowMs);
            expect(cursorMs).toBeGreaterThan(nowMs - (settings.everySeconds + settings.lagSeconds) * 1000);
            expect(planTapRead({ ...settings, cursorMs, nowMs: plan.untilMs }).do).toBe('read');
          }
        },
      ),
    );
  });

  it('begins at the minute of a cursor that is none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: hourMs }), (ageMs) => {
        const cursorMs = at('05:10:20.123') - ageMs;
        const plan = planTapRead({ ...pace, cursorMs, nowMs: at('09:00:00') });
        expect(plan).toMatchObject({ do: 'read', fromMs: Math.floor(cursorMs / minuteMs) * minuteMs });
      }),
    );
  });
});

describe('lostUntilMs', () => {
  const window = { fromMs: at('05:00:00'), toMs: at('06:00:00') };

  it('gives up a quarter of an hour of a window that was refused as too old, and what is behind our own horizon', () => {
    expect(lostUntilMs(window, window.fromMs + horizonMs)).toBe(at('05:15:00'));
    expect(lostUntilMs(window, window.fromMs + horizonMs + 20 * minuteMs)).toBe(at('05:20:00'));
  });

  it('gives up no more than the window', () => {
    expect(lostUntilMs({ ...window, toMs: at('05:05:00') }, window.fromMs + horizonMs)).toBe(at('05:05:00'));
    expect(lostUntilMs(window, window.fromMs + horizonMs + 2 * hourMs)).toBe(window.toMs);
  });
});

describe('cursorProblem', () => {
  const nowMs = at('05:10:20');

  it('takes a whole minute that has been', () => {
    for (const cursor of ['2026-01-31T05:10:00Z', '2024-02-29T00:00:00Z'])
      expect(cursorProblem(cursor, nowMs)).toBeUndefined();
  });

  it.each([
    '2026-01-31T25:00:00Z',
    '2026-99-99T99:99:00Z',
    '2025-06-31T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-01-30T24:00:00Z',
    '2026-01-31T05:00:30Z',
    '2026-01-31',
    '',
  ])('refuses what is none: %s', (cursor) => {
    expect(cursorProblem(cursor, nowMs)).toContain('a UTC time in whole minutes');
  });

  it('refuses one that lies ahead', () => {
    expect(cursorProblem('2026-01-31T05:11:00Z', nowMs)).toContain('must not lie in the future');
  });
});
