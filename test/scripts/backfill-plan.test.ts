import { describe, expect, it } from 'vitest';
import { noShareWords, summarizeTapPlan } from '../../scripts/backfills.ts';
import { tapSettings } from '../../sources/settings.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';

const dayMs = 86_400_000;
const tap = (settings: object = {}) =>
  tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S', ...settings });

/** The plan for so many days of a source with such settings, and so many requests that it may have at once. */
function planOf(days: number, settings: ReturnType<typeof tap>, requestsNow: number) {
  const startMs = Date.parse('2026-01-31T00:00:00Z');
  const range = [{ fromMs: startMs, toMs: startMs + days * dayMs }];
  return summarizeTapPlan({ settings } as SourceStatus & { settings: typeof settings }, range, range, requestsNow);
}

describe('the plan of a TAP backfill', () => {
  it('counts a day for what backfills may have in one', () => {
    // 288 windows a day, and 1,440 - 72 - 288 - 2 * 288 requests that the source leaves
    const settings = tap({ window: '5m' });
    expect(planOf(1, settings, 288).estimateSeconds).toBeLessThan(3600);
    expect(Math.floor((planOf(6, settings, 288).estimateSeconds ?? 0) / 86_400)).toBe(3);
    expect(noShareWords(settings)).toBeUndefined();
  });

  it('promises no time where the source leaves backfills none, and says why', () => {
    const settings = tap({ every: '1m' });
    expect(planOf(1, settings, 0)).toEqual({ windows: 24, alreadyRead: 0, requests: 24, quotaShare: 0.017 });
    expect(noShareWords(settings)).toMatch(/needs 1488 requests a day.*raise every or window/);
  });
});
