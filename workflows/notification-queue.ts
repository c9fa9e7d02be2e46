/** A notification queue: looks into it for ever, and leaves what its messages name to the sources they belong to. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DrainedQueue } from '../activities/contracts.ts';
import { nowMs, timerMs } from '../sources/clock.ts';
import { drainQueue } from './activity-options.ts';
import { activityFailure, backoffSeconds, type Failure } from './failure.ts';
import { mapSettled } from './map-settled.ts';
import {
  pauseQueueUpdate,
  pauseRouteUpdate,
  queueStatusQuery,
  reconfigureQueueUpdate,
  resumeQueueUpdate,
} from './messages.ts';
import {
  newQueueState,
  type QueueCondition,
  type QueueInput,
  type QueueStatus,
  withDrained,
  withOutcome,
  withRoutePaused,
} from './queue-state.ts';
import { consecutiveErrorsKey, lastErrorTypeKey, pipelineStateKey } from './search-attributes.ts';
import { queuePage } from './status-page.ts';

/** A queue that holds more than one look takes is looked into by so many at once. */
const looksAtOnceMax = 4;

/** A run with more looks than this has a history worth leaving behind. */
const looksPerRunMax = 200;

/** Commands wait 10 s for an answer. */
const lookOverSeconds = 7;

/** A queue that refuses us is tried again after so long: what it needs may have been granted. */
const blockedSeconds = 300;

export async function notificationQueue(input: QueueInput): Promise<void> {
  let { settings, state = newQueueState() } = input;
  let queueCondition: QueueCondition = state.paused === undefined ? 'running' : 'paused';
  let nextLookAtMs: number | undefined;
  /** Set by an operator; ends any wait. */
  let awake = false;
  let more = false;
  let isLooking = false;
  let shown = '';

  function status(): QueueStatus {
    const { paused, ...shownState } = state;
    return {
      queue: workflowInfo().workflowId,
      condition: queueCondition,
      ...shownState,
      ...(paused === undefined ? {} : { pauseReason: paused.reason }),
      ...(nextLookAtMs === undefined ? {} : { nextLookAt: new Date(nextLookAtMs).toISOString() }),
      settings,
    };
  }

  function publish(): void {
    setCurrentDetails(queuePage(status()));
    const { lastError, consecutiveErrors } = state;
    const attributes = JSON.stringify([queueCondition, lastError?.code, consecutiveErrors]);
    if (attributes === shown) return;
    shown = attributes;
    upsertSearchAttributes([
      { key: pipelineStateKey, value: queueCondition },
      { key: lastErrorTypeKey, value: lastError?.code ?? null },
      { key: consecutiveErrorsKey, value: consecutiveErrors },
    ]);
  }

  /** So that what an operator was told holds: a look under way has the routes of before. A large object is not waited for. */
  const lookIsOver = () => condition(() => !isLooking, lookOverSeconds * 1000);

  setHandler(queueStatusQuery, status, { description: 'State, routes, totals, last error.' });
  setHandler(
    pauseQueueUpdate,
    async ({ reason }) => {
      state = { ...state, paused: { reason } };
      queueCondition = 'paused';
      awake = true;
      publish();
      await lookIsOver();
      return status();
    },
    { description: 'Stop looking until resumed; listing goes on.' },
  );
  setHandler(
    resumeQueueUpdate,
    () => {
      const { paused: _, ...unpaused } = state;
      state = unpaused;
      queueCondition = 'running';
      awake = true;
      return status();
    },
    { description: 'End a pause or a block and look at once.' },
  );
  setHandler(
    reconfigureQueueUpdate,
    async (change) => {
      settings = change.settings;
      awake = true;
      await lookIsOver();
      return status();
    },
    { description: 'Take new routes and settings from the next look on.' },
  );
  setHandler(
    pauseRouteUpdate,
    async (change) => {
      settings = withRoutePaused(settings, change);
      await lookIsOver();
      return status();
    },
    { description: 'Load no objects of a source, or load them again, from the next look on.' },
  );

  async function rest(seconds: number, summary: string): Promise<void> {
    nextLookAtMs = nowMs() + seconds * 1000;
    publish();
    await condition(() => awake, timerMs(seconds * 1000), { summary });
    nextLookAtMs = undefined;
  }

  async function fail({ code, message, remedy, directive, retryAfterSeconds }: Failure): Promise<void> {
    const consecutiveErrors = state.consecutiveErrors + 1;
    state = { ...state, consecutiveErrors, lastError: { code, message, remedy, at: new Date(nowMs()).toISOString() } };
    queueCondition = directive === 'block' ? 'blocked' : 'backoff';
    await rest(
      directive === 'block' ? blockedSeconds : backoffSeconds(consecutiveErrors, retryAfterSeconds),
      `look again after ${code}`,
    );
  }

  /** Looks that went well count although others failed. Gives the first object that could not be loaded: its message comes again. */
  async function look(): Promise<DrainedQueue['failed'][number] | undefined> {
    const { queueUrl, region, routes } = settings;
    const looks = Array.from({ length: more ? looksAtOnceMax : 1 }, (_, index) => index + 1);
    isLooking = true;
    const outcomes = await mapSettled(looks, looksAtOnceMax, (number) =>
      drainQueue.executeWithOptions({ summary: `look ${number}` }, [{ queueUrl, region, routes }]),
    );
    isLooking = false;
    const drained = outcomes.flatMap((outcome): DrainedQueue[] =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    for (const each of drained) state = withDrained(state, each);
    more = drained.some((each) => each.more);
    const failed = outcomes.find(({ status: how }) => how === 'rejected') as PromiseRejectedResult | undefined;
    if (failed !== undefined) throw failed.reason;
    return drained.flatMap((each) => each.failed)[0];
  }

  publish();
  for (let looks = 0; ; looks += 1) {
    if (
      (looks >= looksPerRunMax || workflowInfo().continueAsNewSuggested) &&
      (await condition(allHandlersFinished, '1s'))
    )
      await continueAsNew<typeof notificationQueue>({ settings, state });
    awake = false;
    if (state.paused !== undefined) {
      queueCondition = 'paused';
      publish();
      await condition(() => awake);
      continue;
    }
    try {
      const failed = await look();
      state = withOutcome(state, failed, new Date(nowMs()).toISOString());
      if (state.paused === undefined) queueCondition = more ? 'running' : 'idle';
      if (more) publish();
      else if (!awake) await rest(settings.every, 'next look');
    } catch (error) {
      const failure = activityFailure(error);
      if (failure === undefined) throw error;
      await fail(failure);
    }
  }
}
