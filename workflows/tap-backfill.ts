/** A backfill of a TAP source: windows on request, behind the live reads of the source and within the same allowance. */
import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { isoSeconds, type TapBatch } from '../sources/batch.ts';
import { nowMs, timerMs } from '../sources/clock.ts';
import { windowsOf } from '../sources/tap/plan.ts';
import { backfillPass } from '../sources/tap/settle.ts';
import { setUpBackfill } from './backfill-loop.ts';
import type { BackfillStatus, TapBackfillInput } from './backfill-state.ts';
import { activityFailure } from './failure.ts';
import { budgetGrantedSignal, requestBudgetSignal } from './messages.ts';
import { workflowIdOf } from './source-state.ts';
import { readTapWindow } from './tap-window.ts';

/** Windows read side by side. */
const windowsAtOnce = 4;

/** Requests asked for at a time: few messages, and little is kept from others. */
const requestsAtOnce = 40;

export async function tapBackfill(input: TapBackfillInput): Promise<BackfillStatus> {
  const backfill = setUpBackfill(input);
  const windows = windowsOf(input.intervals, input.settings.window);
  let next = Number(backfill.progress().next === '' ? 0 : backfill.progress().next);
  /** Windows that a request has been spent on. */
  let asked = next;
  /** Below 0 where windows took more than one. */
  let granted = 0;
  const answers: { readonly granted: number; readonly retryAt: string }[] = [];
  setHandler(budgetGrantedSignal, (grant) => {
    answers.push(grant);
  });

  /** Waits until the source allows more requests. One lane asks, the others wait for its answer. */
  async function fillBudget(): Promise<void> {
    const source = getExternalWorkflowHandle(workflowIdOf(input));
    for (;;) {
      const wanted = Math.max(1, Math.min(requestsAtOnce, windows.length - asked)) - granted;
      await source.signal(requestBudgetSignal, { workflowId: workflowInfo().workflowId, wanted });
      await condition(() => answers.length > 0);
      const [answer] = answers.splice(0);
      granted += answer?.granted ?? 0;
      if (granted > 0) return backfill.show('running');
      // all that was asked for, and windows that ended meanwhile had taken it
      if (answer !== undefined && answer.granted >= wanted) continue;
      backfill.show('quota');
      const waitMs = Math.max(60_000, Date.parse(answer?.retryAt ?? '') - nowMs());
      await condition(() => false, timerMs(waitMs), { summary: 'until the vendor allows more requests' });
    }
  }

  let filling: Promise<void> | undefined;
  async function takeRequest(): Promise<void> {
    while (granted <= 0) {
      filling ??= fillBudget().finally(() => {
        filling = undefined;
      });
      await filling;
    }
    granted -= 1;
    asked += 1;
  }

  async function lane(): Promise<void> {
    while (next < windows.length && !backfill.isRunLong()) {
      await backfill.whileAllowed();
      // taken before the wait: a lane that waits for a request has a window to spend it on
      const window = windows[next];
      if (window === undefined) return;
      next += 1;
      const batch: TapBatch = {
        kind: 'tap',
        from: isoSeconds(window.fromMs),
        to: isoSeconds(window.toMs),
        pass: backfillPass(input.startedAt),
      };
      let requests = 0;
      const { loaded, failed } = await backfill.outlast(
        async () => {
          await takeRequest();
          const outcome = await readTapWindow(input, input.settings, batch);
          requests += outcome.requests;
          if (outcome.requests > 1 && patched('backfills-outlast')) granted -= outcome.requests - 1;
          return outcome;
        },
        (outcome) => activityFailure(outcome.failed),
      );
      if (loaded !== undefined) backfill.addDone(loaded, requests);
      else {
        const { code, message } = activityFailure(failed) ?? { code: 'internal', message: 'unknown' };
        backfill.addFailed([{ unit: `${batch.from}_${batch.to}`, code, message }], requests);
      }
    }
  }

  await Promise.all(Array.from({ length: windowsAtOnce }, lane));
  if (next < windows.length) {
    backfill.moveTo(String(next));
    await continueAsNew<typeof tapBackfill>({ ...input, progress: backfill.progress() });
  }
  backfill.show('done');
  return backfill.status();
}
