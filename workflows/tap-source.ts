/** A TAP source: windows of the SIEM API in order, each landed, then loaded. */
import type { Loaded } from '../activities/contracts.ts';
import { isoSeconds, type SourceName, type TapBatch } from '../sources/batch.ts';
import type { TapSettings } from '../sources/settings.ts';
import { firstCursorMs, planTapRead, type TapPlan } from '../sources/tap/plan.ts';
import { fetchTapWindow, loadBatch, recordGap } from './activity-options.ts';
import { runSource, type SourceKindLogic, type Step } from './source-loop.ts';
import type { SourceInput } from './source-state.ts';

/** Windows read side by side while behind. */
const windowsAtOnceMax = 4;

export async function tapSource(input: SourceInput & { settings: TapSettings }): Promise<void> {
  await runSource(input, tapKind);
}

const tapKind: SourceKindLogic<TapSettings> = {
  start: ({ startFrom }, nowMs) => isoSeconds(firstCursorMs(startFrom, nowMs)),
  cursorProblem: (cursor) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/.test(cursor)
      ? undefined
      : 'the cursor of a TAP source is a UTC time in whole minutes such as 2026-01-31T05:00:00Z',
  async step(name, settings, cursor) {
    const plan = planFrom(settings, Date.parse(cursor));
    switch (plan.do) {
      case 'wait':
        return { cursor, watermark: cursor, loaded: [], nextAtMs: plan.untilMs };
      case 'gap': {
        const to = isoSeconds(plan.toMs);
        await recordGap.executeWithOptions({ summary: `lost ${cursor} to ${to}` }, [
          { ...name, settings, from: cursor, to },
        ]);
        return { cursor: to, loaded: [] };
      }
      case 'read':
        return readWindows(name, settings, cursor, windowsFrom(settings, plan));
    }
  },
};

function planFrom(settings: TapSettings, cursorMs: number): TapPlan {
  return planTapRead({
    cursorMs,
    nowMs: Date.now(),
    everySeconds: settings.every,
    lagSeconds: settings.lag,
    windowSeconds: settings.window,
  });
}

/** The planned window and those right behind it that are due as well. */
function windowsFrom(settings: TapSettings, first: Extract<TapPlan, { do: 'read' }>): TapBatch[] {
  const batches: TapBatch[] = [];
  for (
    let plan: TapPlan = first;
    plan.do === 'read' && batches.length < windowsAtOnceMax;
    plan = planFrom(settings, plan.toMs)
  ) {
    batches.push({ kind: 'tap', from: isoSeconds(plan.fromMs), to: isoSeconds(plan.toMs), pass: 'live' });
  }
  return batches;
}

/** The cursor moves over the windows that are loaded, up to the first that failed; those beyond it are in the ledger all the same. */
async function readWindows(
  name: SourceName,
  settings: TapSettings,
  cursor: string,
  batches: TapBatch[],
): Promise<Step> {
  const outcomes = await Promise.allSettled(batches.map((batch) => readWindow(name, settings, batch)));
  const loaded: Loaded[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === 'rejected') {
      const reached = batches[index]?.from ?? cursor;
      return { cursor: reached, watermark: reached, loaded, failed: outcome.reason };
    }
    loaded.push(outcome.value);
  }
  const reached = batches.at(-1)?.to ?? cursor;
  return { cursor: reached, watermark: reached, loaded };
}

async function readWindow(name: SourceName, settings: TapSettings, batch: TapBatch): Promise<Loaded> {
  const summary = `${batch.from} to ${batch.to}`;
  await fetchTapWindow.executeWithOptions({ summary }, [{ ...name, settings, batch }]);
  return loadBatch.executeWithOptions({ summary }, [{ ...name, settings, batch }]);
}
