/**
 * The life of a source: read, publish, wait, for ever. The only thing that moves the source's cursor.
 * A kind of source (tap, s3) says how to make one step.
 */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Loaded } from '../activities/contracts.ts';
import type { SourceSettings } from '../sources/settings.ts';
import { activityFailure, backoffSeconds, type Failure } from './failure.ts';
import {
  pauseUpdate,
  pollNowUpdate,
  reconfigureUpdate,
  resumeUpdate,
  setCursorUpdate,
  statusQuery,
} from './messages.ts';
import {
  consecutiveErrorsKey,
  lastErrorTypeKey,
  pipelineStateKey,
  sourceIdKey,
  sourceKindKey,
  tenantIdKey,
  watermarkKey,
} from './search-attributes.ts';
import { noTotals, type PipelineState, type SourceInput, type SourceState, type SourceStatus } from './source-state.ts';
import { statusPage } from './status-page.ts';

/** What one step of a source came to. */
export interface Step {
  readonly cursor: string;
  /** ISO time up to which the source is complete. */
  readonly watermark?: string;
  readonly loaded: readonly Loaded[];
  /** Epoch ms; absent: go on at once. */
  readonly nextAtMs?: number;
  /** Set where part of the step failed: the cursor stands before it. */
  readonly failed?: unknown;
}

export interface SourceKindLogic<S extends SourceSettings> {
  /** Where a new source begins. */
  start(settings: S, nowMs: number): string;
  /** Reads a bounded amount. Throws ActivityFailure. */
  step(name: { tenantId: string; sourceId: string }, settings: S, cursor: string): Promise<Step>;
  /** Why this cannot be a cursor; undefined when it can. */
  cursorProblem(cursor: string): string | undefined;
}

/** A run with more steps than this has a history worth leaving behind, whatever the server thinks. */
const stepsPerRunMax = 100;

export async function runSource<S extends SourceSettings>(
  input: SourceInput & { settings: S },
  kind: SourceKindLogic<S>,
): Promise<void> {
  const { tenantId, sourceId } = input;
  let settings = input.settings;
  let state: SourceState = input.state ?? {
    cursor: kind.start(settings, Date.now()),
    consecutiveErrors: 0,
    totals: noTotals,
  };
  let pipelineState: PipelineState = state.paused === undefined ? 'running' : 'paused';
  let nextReadAtMs: number | undefined;
  /** Set by an operator; ends any wait. */
  let awake = false;
  let stepsDone = 0;

  function status(): SourceStatus {
    const { paused, ...shown } = state;
    return {
      tenantId,
      sourceId,
      kind: settings.kind,
      pipelineState,
      ...shown,
      ...(state.watermark === undefined
        ? {}
        : { lagSeconds: Math.max(0, Math.round((Date.now() - Date.parse(state.watermark)) / 1000)) }),
      ...(nextReadAtMs === undefined ? {} : { nextReadAt: new Date(nextReadAtMs).toISOString() }),
      ...(paused === undefined ? {} : { pauseReason: paused.reason }),
      settings,
    };
  }

  const publish = createPublisher(status);

  setHandler(statusQuery, status, { description: 'State, cursor, lag, last error, totals.' });
  setHandler(
    pauseUpdate,
    ({ reason }) => {
      state = { ...state, paused: { reason } };
      awake = true;
      pipelineState = 'paused';
      publish();
      return status();
    },
    { description: 'Stop reading until resumed.' },
  );
  setHandler(
    resumeUpdate,
    () => {
      const { paused: _, ...unpaused } = state;
      state = unpaused;
      awake = true;
      return status();
    },
    { description: 'End a pause or a block and read at once.' },
  );
  setHandler(
    pollNowUpdate,
    async () => {
      const before = stepsDone;
      awake = true;
      await condition(() => stepsDone > before);
      return status();
    },
    {
      description: 'Read at once; answers when the step is done.',
      validator: () => {
        if (state.paused !== undefined) throw new Error('the source is paused: resume it instead');
      },
    },
  );
  setHandler(
    reconfigureUpdate,
    (change) => {
      // the validator below has compared the kinds
      settings = change.settings;
      awake = true;
      return status();
    },
    {
      description: 'Take new settings; the cursor stays.',
      validator: (change) => {
        if (change.settings.kind !== settings.kind)
          throw new Error(`this source is of kind ${settings.kind}: remove it and add it under another name`);
      },
    },
  );
  setHandler(
    setCursorUpdate,
    ({ cursor }) => {
      state = { ...state, cursor };
      awake = true;
      return status();
    },
    {
      description: 'Move the cursor; what is read again adds nothing twice.',
      validator: ({ cursor }) => {
        const problem = kind.cursorProblem(cursor);
        if (problem !== undefined) throw new Error(problem);
      },
    },
  );

  /** Waits until the time, an operator, or (without a time) an operator alone. */
  async function rest(untilMs: number | undefined, summary: string): Promise<void> {
    nextReadAtMs = untilMs;
    publish();
    if (untilMs === undefined) await condition(() => awake);
    else await condition(() => awake, Math.max(1, untilMs - Date.now()), { summary });
    nextReadAtMs = undefined;
  }

  async function fail(failure: Failure): Promise<void> {
    const consecutiveErrors = state.consecutiveErrors + 1;
    state = {
      ...state,
      consecutiveErrors,
      lastError: { code: failure.code, message: failure.message, remedy: failure.remedy, at: new Date().toISOString() },
    };
    stepsDone += 1;
    if (failure.directive === 'block') {
      pipelineState = 'blocked';
      await rest(undefined, '');
      return;
    }
    pipelineState = 'backoff';
    await rest(
      Date.now() + backoffSeconds(consecutiveErrors, failure.retryAfterSeconds) * 1000,
      `retry after ${failure.code}`,
    );
  }

  const isRunLong = () => stepsDone >= stepsPerRunMax || workflowInfo().continueAsNewSuggested;
  const startNextRun = () =>
    continueAsNew<(next: SourceInput) => Promise<void>>({ tenantId, sourceId, settings, state });

  publish();
  for (;;) {
    if (isRunLong() && allHandlersFinished()) await startNextRun();
    awake = false;
    if (state.paused !== undefined) {
      pipelineState = 'paused';
      await rest(undefined, '');
      continue;
    }
    const startedFrom = state.cursor;
    try {
      const step = await kind.step({ tenantId, sourceId }, settings, startedFrom);
      state = advanced(state, step, startedFrom);
      if (step.failed !== undefined) throw step.failed;
      const { lastError: _, ...healthy } = state;
      state = { ...healthy, consecutiveErrors: 0 };
      stepsDone += 1;
      // Updates that waited for this step get their answer first; one that comes just now waits for the next step, so not for ever.
      if (isRunLong() && (await condition(allHandlersFinished, '1s'))) await startNextRun();
      pipelineState = step.nextAtMs === undefined ? runningOrLate(state, settings) : 'idle';
      if (step.nextAtMs === undefined) publish();
      else if (!awake) await rest(step.nextAtMs, `next read of ${tenantId}/${sourceId}`);
    } catch (error) {
      const failure = activityFailure(error);
      if (failure === undefined) throw error;
      await fail(failure);
    }
  }
}

function advanced(state: SourceState, step: Step, startedFrom: string): SourceState {
  const sum = (count: (loaded: Loaded) => number) => step.loaded.reduce((total, loaded) => total + count(loaded), 0);
  const { totals } = state;
  return {
    ...state,
    // an operator who moved the cursor while the step ran has the last word
    cursor: state.cursor === startedFrom ? step.cursor : state.cursor,
    ...(step.watermark === undefined ? {} : { watermark: step.watermark }),
    totals: {
      batches: totals.batches + step.loaded.length,
      records: totals.records + sum(({ records }) => records),
      rowsAdded: totals.rowsAdded + sum(({ rowsAdded }) => rowsAdded),
      deadLetters: totals.deadLetters + sum(({ deadLetters }) => deadLetters),
    },
  };
}

/** Behind by more than three reads and a quarter of an hour is late. */
function runningOrLate({ watermark }: SourceState, { every }: SourceSettings): PipelineState {
  if (watermark === undefined) return 'running';
  return Date.now() - Date.parse(watermark) > Math.max(3 * every, 900) * 1000 ? 'late' : 'running';
}

/** Shows the status on the workflow's page, and in its search attributes where they changed: each change is an event in the history. */
function createPublisher(status: () => SourceStatus): () => void {
  let shown = '';
  return () => {
    const now = status();
    setCurrentDetails(statusPage(now));
    const attributes = JSON.stringify([now.pipelineState, now.lastError?.code, now.watermark, now.consecutiveErrors]);
    if (attributes === shown) return;
    shown = attributes;
    upsertSearchAttributes([
      { key: tenantIdKey, value: now.tenantId },
      { key: sourceIdKey, value: now.sourceId },
      { key: sourceKindKey, value: now.kind },
      { key: pipelineStateKey, value: now.pipelineState },
      { key: lastErrorTypeKey, value: now.lastError?.code ?? null },
      { key: watermarkKey, value: now.watermark === undefined ? null : new Date(now.watermark) },
      { key: consecutiveErrorsKey, value: now.consecutiveErrors },
    ]);
  };
}
