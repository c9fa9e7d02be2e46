/** What backfills of all kinds share: progress, pause, patience, the page in the UI. */
import {
  allHandlersFinished,
  condition,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { LoadedTotals } from '../activities/contracts.ts';
import type { SourceName } from '../sources/batch.ts';
import { nowMs, timerMs } from '../sources/clock.ts';
import {
  backfillIdOf,
  type BackfillProgress,
  type BackfillState,
  type BackfillStatus,
  failedMax,
  type FailedUnit,
  type Outage,
} from './backfill-state.ts';
import { backoffSeconds, type Failure, isPassing } from './failure.ts';
import { backfillStatusQuery, pauseBackfillUpdate, resumeBackfillUpdate } from './messages.ts';
import { backfillIdKey, pipelineStateKey, sourceIdKey, tenantIdKey } from './search-attributes.ts';
import { noTotals } from './source-state.ts';
import { backfillPage } from './status-page.ts';

export interface Backfill {
  progress(): BackfillProgress;
  /** A unit, or a group of them, that is in the lake. */
  addDone(loaded: LoadedTotals, requests: number): void;
  /** Units that there was nothing to do for. */
  addKnown(units: number): void;
  /** `count`: how many failed, where not all are given. */
  addFailed(failed: readonly FailedUnit[], requests: number, count?: number): void;
  moveTo(next: string): void;
  show(state: BackfillState): void;
  /** Resolves at once unless an operator has paused it. */
  whileAllowed(): Promise<void>;
  /** Works until nothing fails that may pass, with a pause before each new try; gives up after a quarter of an hour of them. */
  outlast<T>(work: () => Promise<T>, failureOf: (outcome: T) => Failure | undefined): Promise<T>;
  /** True when the run should end and another go on. */
  isRunLong(): boolean;
  status(): BackfillStatus;
}

interface BackfillIdentity extends SourceName {
  readonly from: string;
  readonly to: string;
  readonly unitsTotal: number;
  readonly progress?: BackfillProgress;
}

const unitsPerRunMax = 400;

/** The pauses between so many tries come to a quarter of an hour. */
const triesMax = 7;

export function setUpBackfill(input: BackfillIdentity): Backfill {
  const { tenantId, sourceId, from, to, unitsTotal } = input;
  let progress: BackfillProgress = input.progress ?? {
    next: '',
    done: 0,
    failed: [],
    totals: noTotals,
    requests: 0,
    paused: false,
    startedAt: new Date(nowMs()).toISOString(),
  };
  let state: BackfillState = 'running';
  let unitsThisRun = 0;
  let shown = '';
  /** By whoever waits for one to end; lanes of a backfill meet the same one. */
  const outages = new Set<Outage>();
  /** Set by an operator; ends any such wait. */
  let resumes = 0;

  const failedCount = () => progress.failedCount ?? progress.failed.length;

  function status(): BackfillStatus {
    const { next: _, paused: __, ...rest } = progress;
    const seconds = (nowMs() - Date.parse(progress.startedAt)) / 1000;
    const tried = progress.done + failedCount();
    const [outage] = outages;
    const left = Math.max(0, unitsTotal - tried);
    return {
      tenantId,
      sourceId,
      from,
      to,
      state,
      unitsTotal,
      ...rest,
      failedCount: failedCount(),
      ...(outage === undefined ? {} : { outage }),
      ...(tried === 0 ? {} : { etaSeconds: Math.round((seconds / tried) * left) }),
    };
  }

  function whileRunning(): BackfillState {
    if (progress.paused) return 'paused';
    return outages.size > 0 ? 'backoff' : 'running';
  }

  function show(next: BackfillState): void {
    state = next === 'running' ? whileRunning() : next;
    setCurrentDetails(backfillPage(status()));
    if (state === shown) return;
    shown = state;
    upsertSearchAttributes([
      { key: tenantIdKey, value: tenantId },
      { key: sourceIdKey, value: sourceId },
      { key: backfillIdKey, value: backfillIdOf({ from, to }) },
      { key: pipelineStateKey, value: state },
    ]);
  }

  setHandler(backfillStatusQuery, status, { description: 'Progress, failures, time left.' });
  setHandler(
    pauseBackfillUpdate,
    () => {
      progress = { ...progress, paused: true };
      show('paused');
      return status();
    },
    { description: 'Finish what is under way and wait.' },
  );
  setHandler(
    resumeBackfillUpdate,
    () => {
      progress = { ...progress, paused: false };
      resumes += 1;
      show('running');
      return status();
    },
    { description: 'Go on after a pause, or try again at once.' },
  );
  show('running');

  async function whileAllowed(): Promise<void> {
    if (!progress.paused) return;
    show('paused');
    await condition(() => !progress.paused);
    show('running');
  }

  async function waitOut({ code, message, remedy, retryAfterSeconds }: Failure, tries: number): Promise<void> {
    const spanMs = backoffSeconds(tries, retryAfterSeconds) * 1000;
    const outage = { code, message, remedy, retryAt: new Date(nowMs() + spanMs).toISOString() };
    const resumesBefore = resumes;
    outages.add(outage);
    show('running');
    await condition(() => resumes > resumesBefore, timerMs(spanMs), { summary: `try again after ${code}` });
    outages.delete(outage);
    show('running');
    await whileAllowed();
  }

  return {
    progress: () => progress,
    addDone({ batches = 1, records, rowsAdded, deadLetters }, requests) {
      const { totals } = progress;
      unitsThisRun += batches;
      progress = {
        ...progress,
        done: progress.done + batches,
        requests: progress.requests + requests,
        totals: {
          batches: totals.batches + batches,
          records: totals.records + records,
          rowsAdded: totals.rowsAdded + rowsAdded,
          deadLetters: totals.deadLetters + deadLetters,
        },
      };
      show(state);
    },
    addKnown(units) {
      progress = { ...progress, done: progress.done + units };
      show(state);
    },
    addFailed(failed, requests, count = failed.length) {
      unitsThisRun += failed.length;
      progress = {
        ...progress,
        requests: progress.requests + requests,
        failedCount: failedCount() + count,
        failed: [...progress.failed, ...failed].slice(0, failedMax),
      };
      show(state);
    },
    moveTo(next) {
      progress = { ...progress, next };
    },
    show,
    whileAllowed,
    async outlast(work, failureOf) {
      for (let tries = 1; ; tries += 1) {
        const outcome = await work();
        const failure = failureOf(outcome);
        if (failure === undefined || !isPassing(failure) || tries >= triesMax) return outcome;
        if (!patched('backfills-outlast')) return outcome;
        if (failure.code === 'activity.timeout' && !patched('timeouts-pass')) return outcome;
        await waitOut(failure, tries);
      }
    },
    isRunLong: () => (unitsThisRun >= unitsPerRunMax || workflowInfo().continueAsNewSuggested) && allHandlersFinished(),
    status,
  };
}
