/**
 * The life of a source: read, publish, wait, for ever. The only thing that moves the source's cursor.
 * A kind of source (tap, s3) says how to make one step.
 */
import { allHandlersFinished, condition, continueAsNew, patched, setHandler, workflowInfo } from '@temporalio/workflow';
import type { LoadedTotals } from '../activities/contracts.ts';
import { nowMs, timerMs } from '../sources/clock.ts';
import type { SourceSettings } from '../sources/settings.ts';
import { fingerprintSecrets } from './activity-options.ts';
import { activityFailure, backoffSeconds, type Failure } from './failure.ts';
import {
  pauseUpdate,
  pollNowUpdate,
  reconfigureUpdate,
  resumeUpdate,
  setCursorUpdate,
  statusQuery,
} from './messages.ts';
import { createPublisher } from './publish.ts';
import { noTotals, type PipelineState, type SourceInput, type SourceState, type SourceStatus } from './source-state.ts';

/** What one step of a source came to. */
export interface Step {
  readonly cursor: string;
  /** ISO time up to which the source is complete. */
  readonly watermark?: string;
  readonly loaded: readonly LoadedTotals[];
  /** Epoch ms; absent: go on at once. */
  readonly nextAtMs?: number;
  /** Set where part of the step failed: the cursor stands before it. */
  readonly failed?: unknown;
}

/** How a kind of source reaches what the loop holds. */
export interface SourceAccess<S extends SourceSettings> {
  readonly name: { readonly tenantId: string; readonly sourceId: string };
  settings(): S;
  state(): SourceState;
  /** Changes what the kind itself carries; at once, because Updates and Signals come while a step runs. */
  change(part: Pick<SourceState, 'tap' | 's3'>): void;
}

export interface SourceKindLogic<S extends SourceSettings> {
  /** Where a new source begins. */
  start(settings: S, nowMs: number): string;
  /** Sets handlers of the kind's own. */
  setUp?(access: SourceAccess<S>): void;
  /** Reads a bounded amount. Throws ActivityFailure. */
  step(access: SourceAccess<S>): Promise<Step>;
  /** Told of new settings, which `access` has already; gives a cursor where the source must begin anew. */
  reconfigured?(access: SourceAccess<S>, before: S): string | undefined;
  /** Told that an operator has set the cursor. */
  cursorSet?(access: SourceAccess<S>): void;
  /** Why this cannot be a cursor; undefined when it can. */
  cursorProblem(cursor: string, settings: S): string | undefined;
}

/** A run with more steps than this has a history worth leaving behind, whatever the server thinks. */
const stepsPerRunMax = 100;

/** How often a blocked source looks whether its secret has been changed. */
const secretLookMs = 300_000;
/** After so many looks it reads once all the same: what was refused may have been granted on the other side. */
const looksMax = 12;

export async function runSource<S extends SourceSettings>(
  input: SourceInput & { settings: S },
  kind: SourceKindLogic<S>,
): Promise<void> {
  const { tenantId, sourceId } = input;
  const name = { tenantId, sourceId };
  let settings = input.settings;
  let state: SourceState = input.state ?? newState(kind.start(settings, nowMs()));
  let pipelineState: PipelineState = state.paused === undefined ? 'running' : 'paused';
  let nextReadAtMs: number | undefined;
  /** Set by an operator; ends any wait. */
  let awake = false;
  let stepsDone = 0;
  /** Fingerprint of the secrets that the last read after a refusal had. */
  let seenSecrets: string | undefined;

  function status(): SourceStatus {
    const { paused, ...shown } = state;
    return {
      ...name,
      kind: settings.kind,
      pipelineState,
      ...shown,
      ...(state.watermark === undefined ? {} : { lagSeconds: secondsSince(state.watermark) }),
      ...(nextReadAtMs === undefined ? {} : { nextReadAt: new Date(nextReadAtMs).toISOString() }),
      ...(paused === undefined ? {} : { pauseReason: paused.reason }),
      settings,
    };
  }

  const publish = createPublisher(status);
  const access: SourceAccess<S> = {
    name,
    settings: () => settings,
    state: () => state,
    change(part) {
      state = { ...state, ...part };
    },
  };

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
      pipelineState = 'running';
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
      const before = settings;
      // the validator below has compared the kinds
      settings = change.settings;
      awake = true;
      const begins = patched('new-places-begin-anew') ? kind.reconfigured?.(access, before) : undefined;
      if (begins !== undefined) {
        const { watermark: _, ...others } = state;
        state = { ...others, cursor: begins, startedFrom: begins };
      }
      return status();
    },
    {
      description: 'Take new settings; the cursor stays, unless the objects are elsewhere now.',
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
      if (kind.cursorSet !== undefined && patched('moved-cursors-end-steps')) kind.cursorSet(access);
      awake = true;
      return status();
    },
    {
      description: 'Move the cursor; what is read again adds nothing twice.',
      validator: ({ cursor }) => {
        const problem = kind.cursorProblem(cursor, access.settings());
        if (problem !== undefined) throw new Error(problem);
      },
    },
  );
  kind.setUp?.(access);

  /** True when an operator ended the wait. */
  function waitFor(spanMs: number, summary: string): Promise<boolean> {
    return condition(() => awake, timerMs(Math.max(1, spanMs)), { summary });
  }

  async function rest(untilMs: number, summary: string): Promise<void> {
    nextReadAtMs = untilMs;
    publish();
    await waitFor(untilMs - nowMs(), summary);
    nextReadAtMs = undefined;
  }

  /** Ends when an operator acts or the secrets that the source refers to have changed, after an hour, and when the run is long. */
  async function block(): Promise<void> {
    pipelineState = 'blocked';
    publish();
    const look = async (): Promise<string | undefined> =>
      fingerprintSecrets
        .executeWithOptions({ summary: 'have the secrets changed?' }, [{ ...name, settings }])
        .catch((error: unknown) => {
          // looking is a convenience: that it fails must not end the source
          if (activityFailure(error) === undefined) throw error;
          return undefined;
        });
    // they may have changed while they were refused: those that are seen now must be refused, too
    for (let looks = 1; ; looks += 1) {
      const seen = await look();
      if (seen !== undefined && seen !== seenSecrets) {
        seenSecrets = seen;
        return;
      }
      // after weeks of looking the server would end the workflow for its history; the next run reads once, and is blocked again
      if (isRunLong() && patched('blocked-runs-end')) return;
      if (await waitFor(secretLookMs, 'look for a changed secret')) return;
      if (looks >= looksMax && patched('blocks-end-hourly')) return;
    }
  }

  async function fail(failure: Failure): Promise<void> {
    const { code, message, remedy, directive, retryAfterSeconds } = failure;
    const consecutiveErrors = state.consecutiveErrors + 1;
    state = { ...state, consecutiveErrors, lastError: { code, message, remedy, at: new Date(nowMs()).toISOString() } };
    stepsDone += 1;
    if (directive === 'block') return block();
    pipelineState = 'backoff';
    await rest(nowMs() + backoffSeconds(consecutiveErrors, retryAfterSeconds) * 1000, `retry after ${code}`);
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
      publish();
      // backfills ask a source for requests also while it is paused: after weeks of them the server would end the workflow for its history
      await condition(() => awake || (isRunLong() && allHandlersFinished() && patched('paused-runs-end')));
      continue;
    }
    const startedFrom = state.cursor;
    try {
      const step = await kind.step(access);
      state = advanced(state, step, startedFrom);
      if (step.failed !== undefined) throw step.failed;
      const { lastError: _, ...healthy } = state;
      state = { ...healthy, consecutiveErrors: 0 };
      stepsDone += 1;
      // the next refusal is a new one
      if (seenSecrets !== undefined && patched('refusals-are-new-after-success')) seenSecrets = undefined;
      // Updates that waited for this step get their answer first; one that comes just now waits for the next step, so not for ever.
      if (isRunLong() && (await condition(allHandlersFinished, '1s'))) await startNextRun();
      pipelineState = healthyState(state, settings, step);
      if (step.nextAtMs === undefined) publish();
      else if (!awake) await rest(step.nextAtMs, `next read of ${tenantId}/${sourceId}`);
    } catch (error) {
      const failure = activityFailure(error);
      if (failure === undefined) throw error;
      await fail(failure);
    }
  }
}

function newState(cursor: string): SourceState {
  return { cursor, startedFrom: cursor, consecutiveErrors: 0, totals: noTotals };
}

function advanced(state: SourceState, step: Step, startedFrom: string): SourceState {
  const sum = (count: (loaded: LoadedTotals) => number) =>
    step.loaded.reduce((total, loaded) => total + count(loaded), 0);
  const { totals } = state;
  return {
    ...state,
    // an operator who moved the cursor while the step ran has the last word
    cursor: state.cursor === startedFrom ? step.cursor : state.cursor,
    ...(step.watermark === undefined ? {} : { watermark: step.watermark }),
    totals: {
      batches: totals.batches + sum(({ batches = 1 }) => batches),
      records: totals.records + sum(({ records }) => records),
      rowsAdded: totals.rowsAdded + sum(({ rowsAdded }) => rowsAdded),
      deadLetters: totals.deadLetters + sum(({ deadLetters }) => deadLetters),
    },
  };
}

/** Behind by more than three reads and a quarter of an hour is late. */
function healthyState({ watermark }: SourceState, { every }: SourceSettings, { nextAtMs }: Step): PipelineState {
  if (watermark !== undefined && secondsSince(watermark) > Math.max(3 * every, 900)) return 'late';
  return nextAtMs === undefined ? 'running' : 'idle';
}

function secondsSince(time: string): number {
  return Math.max(0, Math.round((nowMs() - Date.parse(time)) / 1000));
}
