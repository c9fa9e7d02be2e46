/** What backfills of all kinds share: progress, pause, the page in the UI. */
import {
  allHandlersFinished,
  condition,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { LoadedTotals } from '../activities/contracts.ts';
import type { SourceName } from '../sources/batch.ts';
import { nowMs } from '../sources/clock.ts';
import {
  backfillIdOf,
  type BackfillProgress,
  type BackfillState,
  type BackfillStatus,
  failedMax,
  type FailedUnit,
} from './backfill-state.ts';
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
  addFailed(failed: FailedUnit, requests: number): void;
  moveTo(next: string): void;
  show(state: BackfillState): void;
  /** Resolves at once unless an operator has paused it. */
  whileAllowed(): Promise<void>;
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

  function status(): BackfillStatus {
    const { next: _, paused: __, ...rest } = progress;
    const seconds = (nowMs() - Date.parse(progress.startedAt)) / 1000;
    const tried = progress.done + progress.failed.length;
    const left = Math.max(0, unitsTotal - tried);
    return {
      tenantId,
      sourceId,
      from,
      to,
      state,
      unitsTotal,
      ...rest,
      ...(tried === 0 ? {} : { etaSeconds: Math.round((seconds / tried) * left) }),
    };
  }

  function show(next: BackfillState): void {
    state = progress.paused && next === 'running' ? 'paused' : next;
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
      show('running');
      return status();
    },
    { description: 'Go on after a pause.' },
  );
  show('running');

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
    addFailed(failed, requests) {
      unitsThisRun += 1;
      progress = {
        ...progress,
        requests: progress.requests + requests,
        failed: progress.failed.length < failedMax ? [...progress.failed, failed] : progress.failed,
      };
      show(state);
    },
    moveTo(next) {
      progress = { ...progress, next };
    },
    show,
    async whileAllowed() {
      if (!progress.paused) return;
      show('paused');
      await condition(() => !progress.paused);
      show('running');
    },
    isRunLong: () => (unitsThisRun >= unitsPerRunMax || workflowInfo().continueAsNewSuggested) && allHandlersFinished(),
    status,
  };
}
