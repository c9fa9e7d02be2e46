/** A notification queue: drains it for ever, and leaves what its messages name to the sources they belong to. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DrainedQueue, DrainQueueInput } from '../activities/contracts.ts';
import { nowMs, timerMs } from '../sources/clock.ts';
import type { QueueSettings } from '../sources/s3/queue-routes.ts';
import { drainQueue } from './activity-options.ts';
import { activityFailure, backoffSeconds, type Failure } from './failure.ts';
import {
  pauseQueueUpdate,
  pauseRouteUpdate,
  queueRoutesQuery,
  queueStatusQuery,
  reconfigureQueueUpdate,
  resumeQueueUpdate,
} from './messages.ts';
import {
  isOwnOfReader,
  newQueueState,
  type QueueCondition,
  type QueueInput,
  type QueueState,
  type QueueStatus,
  readerOf,
  withDrained,
  withNextReader,
  withOutcome,
  withRoutePaused,
} from './queue-state.ts';
import { consecutiveErrorsKey, lastErrorTypeKey, pipelineStateKey } from './search-attributes.ts';
import { queuePage } from './status-page.ts';

/** An activity receives for so long, and then finishes what it has; the next one begins without waiting for that. */
const receiveSeconds = 120;

/** So many receive at once from a queue that holds more than one finds in its time. */
const receiversMax = 4;

/** Those that finish included. */
const activitiesMax = 8;

/** A run with more activities than this has a history worth leaving behind, as soon as none is under way. */
const activitiesPerRunMax = 200;

/** With such a history none begins before it is left behind; the server ends a workflow with 51,200 events or 50 MB. */
const eventsMax = 20_000;
const historyBytesMax = 20_000_000;

/** Commands wait 10 s for an answer. */
const lookOverSeconds = 7;

/** A queue that refuses us is tried again after so long: what it needs may have been granted. */
const blockedSeconds = 300;

/** Where one source's credentials do not read the queue, another's are tried after so long. */
const nextReaderSeconds = 15;

export async function notificationQueue(input: QueueInput): Promise<void> {
  let { settings, state = newQueueState() } = input;
  let queueCondition: QueueCondition = state.paused === undefined ? 'running' : 'paused';
  let nextLookAtMs: number | undefined;
  /** The next activity begins then at the latest. */
  let dueAtMs = 0;
  /** When each activity under way began, epoch ms. */
  const underWay = new Set<{ readonly beganAtMs: number }>();
  let begun = 0;
  let ended = 0;
  let defect: { readonly error: unknown } | undefined;
  let routesVersion = 1;
  /** Set by an operator; ends any wait. */
  let awake = false;
  let more = false;
  /** Epoch ms of the last failure. */
  let failedAtMs = 0;
  let shown = '';

  function status(): QueueStatus {
    const { paused, ...shownState } = state;
    return {
      queue: workflowInfo().workflowId,
      condition: queueCondition,
      ...shownState,
      ...(paused === undefined ? {} : { pauseReason: paused.reason }),
      ...(nextLookAtMs === undefined || paused !== undefined
        ? {}
        : { nextLookAt: new Date(nextLookAtMs).toISOString() }),
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

  const receivers = () => [...underWay].filter(({ beganAtMs }) => nowMs() < beganAtMs + receiveSeconds * 1000).length;

  /** So that what an operator was told holds: what is being loaded has the routes of before. A large object is not waited for. */
  const lookIsOver = () => condition(() => receivers() === 0, lookOverSeconds * 1000);

  setHandler(queueStatusQuery, status, { description: 'State, routes, totals, last error.' });
  setHandler(
    queueRoutesQuery,
    (known) => {
      const answer = { version: routesVersion, isPaused: state.paused !== undefined };
      return known === routesVersion ? answer : { ...answer, routes: settings.routes };
    },
    { description: 'Whose objects are loaded now.' },
  );
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
    { description: 'Receive nothing until resumed; listing goes on.' },
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
      routesVersion += 1;
      awake = true;
      await lookIsOver();
      return status();
    },
    { description: 'Take new routes and settings for what is received from now on.' },
  );
  setHandler(
    pauseRouteUpdate,
    async (change) => {
      settings = withRoutePaused(settings, change);
      routesVersion += 1;
      await lookIsOver();
      return status();
    },
    { description: 'Load no objects of a source, or load them again, of what is received from now on.' },
  );

  /** Of activities that failed side by side, the first one counts. */
  function fail(failure: Failure, beganAtMs: number): void {
    const { code, message, remedy, directive, retryAfterSeconds } = failure;
    const isFirst = beganAtMs >= failedAtMs;
    const consecutiveErrors = state.consecutiveErrors + (isFirst ? 1 : 0);
    failedAtMs = nowMs();
    state = { ...state, consecutiveErrors, lastError: { code, message, remedy, at: new Date(nowMs()).toISOString() } };
    const isOthersTurn = settings.routes.length > 1 && isOwnOfReader(code) && patched('readers-take-turns');
    if (isOthersTurn && isFirst) state = withNextReader(state, settings);
    // an operator is needed once no source can read it
    const isBlocked = directive === 'block' && !(isOthersTurn && consecutiveErrors < settings.routes.length);
    if (state.paused === undefined) queueCondition = isBlocked ? 'blocked' : 'backoff';
    const againSeconds = isOthersTurn ? nextReaderSeconds : backoffSeconds(consecutiveErrors, retryAfterSeconds);
    restUntil(nowMs() + (isBlocked ? blockedSeconds : againSeconds) * 1000);
  }

  /** `failed`: the first object that could not be loaded; its message comes again. */
  function succeed(failed: DrainedQueue['failed'][number] | undefined): void {
    state = withOutcome(state, failed, new Date(nowMs()).toISOString());
    if (state.paused === undefined) queueCondition = more ? 'running' : 'idle';
    if (more) dueAtMs = nowMs();
    else restUntil(nowMs() + settings.every * 1000);
  }

  function restUntil(timeMs: number): void {
    dueAtMs = timeMs;
    nextLookAtMs = timeMs;
  }

  /** Sees to its own end, whenever that is. */
  async function drain(): Promise<void> {
    const self = { beganAtMs: nowMs() };
    underWay.add(self);
    begun += 1;
    try {
      const drained = await drainQueue.executeWithOptions({ summary: `look ${begun}` }, [drainInput(settings, state)]);
      state = withDrained(state, drained);
      // after trouble one tries next, whatever there is
      more = drained.more && drained.trouble === undefined;
      if (drained.trouble === undefined) succeed(drained.failed[0]);
      else fail(drained.trouble, self.beganAtMs);
    } catch (error) {
      const failure = activityFailure(error);
      more = false;
      if (failure === undefined) defect = { error };
      else fail(failure, self.beganAtMs);
    }
    underWay.delete(self);
    ended += 1;
    publish();
  }

  function begin(): void {
    const count = more ? Math.max(1, receiversMax - receivers()) : 1;
    nextLookAtMs = undefined;
    dueAtMs = nowMs() + receiveSeconds * 1000;
    for (let index = 0; index < count && underWay.size < activitiesMax; index += 1) void drain();
  }

  const isRunLong = () => begun >= activitiesPerRunMax || workflowInfo().continueAsNewSuggested;
  const isRunOver = () => workflowInfo().historyLength >= eventsMax || workflowInfo().historySize >= historyBytesMax;

  const canBegin = () => underWay.size === 0 || (underWay.size < activitiesMax && !isRunOver());

  publish();
  for (;;) {
    awake = false;
    if (underWay.size === 0 && isRunLong() && (await condition(allHandlersFinished, '1s')))
      await continueAsNew<typeof notificationQueue>({ settings, state });
    if (state.paused !== undefined) {
      begun += 1;
      queueCondition = 'paused';
      publish();
      await condition(() => awake);
      dueAtMs = nowMs();
      continue;
    }
    if (canBegin() && nowMs() >= dueAtMs) begin();
    const endedBefore = ended;
    const isNews = () => awake || ended > endedBefore;
    if (canBegin()) await condition(isNews, timerMs(dueAtMs - nowMs()), { summary: 'next look' });
    else await condition(isNews);
    if (defect !== undefined) throw defect.error;
    if (awake) dueAtMs = nowMs();
  }
}

function drainInput(settings: QueueSettings, state: QueueState): DrainQueueInput {
  const { queueUrl, region, every: everySeconds } = settings;
  const reader = readerOf(settings, state)?.settings;
  if (reader === undefined) throw new Error(`${queueUrl} has no routes`);
  return { queueUrl, region, reader, everySeconds, receiveSeconds };
}
