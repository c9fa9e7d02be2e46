/** A TAP source: windows of the SIEM API in order, each landed, then loaded; closed hours again once the vendor has indexed them. */
import { ApplicationFailure, getExternalWorkflowHandle, patched, setHandler } from '@temporalio/workflow';
import type { Landed } from '../activities/contracts.ts';
import { policies } from '../errors/ingest-error.ts';
import { isoSeconds, type TapBatch } from '../sources/batch.ts';
import { nowMs } from '../sources/clock.ts';
import type { TapSettings } from '../sources/settings.ts';
import {
  backfillRetryMs,
  type BudgetInput,
  nextFreeMs,
  type RequestClass,
  requestsLeft,
  requestsPerDay,
  steadyPace,
} from '../sources/tap/budget.ts';
import { cursorProblem, firstCursorMs, lostUntilMs, planTapRead, type TapPlan } from '../sources/tap/plan.ts';
import { planSettle, settlePass } from '../sources/tap/settle.ts';
import { isBelievableSkew } from '../sources/tap/vendor-clock.ts';
import { recordGap } from './activity-options.ts';
import { budgetGrantedSignal, requestBudgetSignal } from './messages.ts';
import { runSource, type SourceAccess, type SourceKindLogic, type Step } from './source-loop.ts';
import type { SourceInput } from './source-state.ts';
import {
  afterLiveReads,
  newTapDetail,
  settledMs,
  type TapDetail,
  withCountedRequests,
  withLateFinds,
  withMeasures,
  withSettled,
  withSettledUpTo,
} from './tap-detail.ts';
import { readTapWindow, type WindowOutcome } from './tap-window.ts';

/** Windows read side by side while behind. */
const windowsAtOnceMax = 4;

export async function tapSource(input: SourceInput & { settings: TapSettings }): Promise<void> {
  await runSource(input, tapKind);
}

type Access = SourceAccess<TapSettings>;

const detailOf = (access: Access): TapDetail => access.state().tap ?? newTapDetail;

/** Runs of an earlier version have gone by any clock, and may carry one. */
const isUnbelievable = (skewSeconds: number) => !isBelievableSkew(skewSeconds) && patched('far-clocks-are-unknown');

/** Vendor's clock minus ours, seconds; undefined while it is not known. */
function knownSkewSeconds(access: Access): number | undefined {
  const { clockSkewSeconds } = detailOf(access);
  return clockSkewSeconds === undefined || isUnbelievable(clockSkewSeconds) ? undefined : clockSkewSeconds;
}

/** Where the vendor's clock is behind ours, that counts; where it is ahead, ours does: to read too late loses nothing, to read too early does. */
const behindMs = (access: Access) => Math.max(0, -(knownSkewSeconds(access) ?? 0)) * 1000;
const vendorNowMs = (access: Access) => nowMs() - behindMs(access);

const tapKind: SourceKindLogic<TapSettings> = {
  start: ({ startFrom }, timeMs) => isoSeconds(firstCursorMs(startFrom, timeMs)),
  cursorProblem: (cursor) => cursorProblem(cursor, nowMs()),
  setUp(access) {
    // Backfills ask here, because the allowance is the credential's and only this workflow knows what it has used.
    setHandler(requestBudgetSignal, async ({ workflowId, wanted }) => {
      const budget = budgetOf(access);
      const granted = Math.min(wanted, requestsLeft('backfill', budget));
      const detail = detailOf(access);
      access.change({ tap: withCountedRequests(detail, 'backfill', granted, nowMs()) });
      const retryAtMs = granted > 0 ? nowMs() : backfillRetryMs(budget);
      const backfill = getExternalWorkflowHandle(workflowId);
      // a backfill that has ended meanwhile needs no answer
      await backfill
        .signal(budgetGrantedSignal, { granted, retryAt: new Date(retryAtMs).toISOString() })
        .catch(() => undefined);
    });
  },
  async step(access) {
    const { cursor } = access.state();
    holdSettled(access, Date.parse(cursor));
    const plan = planFrom(access, Date.parse(cursor));
    if (plan.do === 'gap') return recordLoss(access, cursor, isoSeconds(plan.toMs));
    const live = plan.do === 'read' ? windowsFrom(access, plan) : [];
    const settle = settleDue(access, cursor, windowsAtOnceMax - live.length);
    if (live.length === 0 && settle.batches.length === 0) {
      return { cursor, watermark: cursor, loaded: [], ...nextRead(access, cursor) };
    }
    // Live reads spend first; what is left of the allowance is for settling.
    const [liveRead, settled] = await Promise.all([
      readWithinBudget(access, 'live', live),
      readWithinBudget(access, 'settle', settle.batches),
    ]);
    if (liveRead.length + settled.length === 0) return unaffordable(access, cursor, plan);
    const settleFailure = noteSettled(access, settled);
    const step = await noteLive(access, cursor, liveRead);
    const loaded = [...step.loaded, ...settled.flatMap((outcome) => outcome.loaded ?? [])];
    const failed = step.failed ?? settleFailure;
    return { ...step, loaded, ...(failed === undefined ? nextRead(access, step.cursor) : { failed }) };
  },
};

function budgetOf(access: Access): BudgetInput {
  return { log: detailOf(access).requests, nowMs: nowMs(), ...steadyPace(access.settings()) };
}

/** Passes that are further than a cursor which was set back begin again with it. */
function holdSettled(access: Access, cursorMs: number): void {
  const detail = detailOf(access);
  const startedMs = Date.parse(access.state().startedFrom);
  const held = withSettledUpTo(detail, access.settings().settle, startedMs, cursorMs);
  if (held !== detail && patched('cursors-set-back-settle-again')) access.change({ tap: held });
}

/** What is due may not be asked for. Settling rests; where live reads are due, somebody must hear of it. */
function unaffordable(access: Access, cursor: string, live: Exclude<TapPlan, { do: 'gap' }>): Step {
  const freeMs = nextFreeMs(detailOf(access).requests, nowMs());
  // live reads have requests left when settling has none: it must not keep them waiting
  if (live.do === 'wait') return { cursor, loaded: [], nextAtMs: Math.min(live.untilMs + behindMs(access), freeMs) };
  if (!patched('spent-allowances-fail')) return { cursor, loaded: [], nextAtMs: freeMs };
  return { cursor, loaded: [], failed: allowanceSpent(cursor, freeMs) };
}

function allowanceSpent(cursor: string, freeMs: number): ApplicationFailure {
  const { directive, remedy } = policies['tap.allowance'];
  return ApplicationFailure.create({
    type: 'tap.allowance',
    message: `TAP: no request is left of the ${requestsPerDay} in 24 hours, and what follows ${cursor} is due; the next are free at ${isoSeconds(freeMs)}`,
    nonRetryable: true,
    details: [{ directive, remedy, retryAfterSeconds: Math.ceil((freeMs - nowMs()) / 1000), attempts: 0 }],
  });
}

function planFrom(access: Access, cursorMs: number): TapPlan {
  const { every, lag, window } = access.settings();
  return planTapRead({
    cursorMs,
    nowMs: vendorNowMs(access),
    everySeconds: every,
    lagSeconds: lag,
    windowSeconds: window,
  });
}

/** The planned window and those right behind it that are due as well. */
function windowsFrom(access: Access, first: Extract<TapPlan, { do: 'read' }>): TapBatch[] {
  // The first answer tells what time it is for the vendor; before that only the oldest window is safe to ask for.
  const atOnceMax = knownSkewSeconds(access) === undefined ? 1 : windowsAtOnceMax;
  const batches: TapBatch[] = [];
  for (
    let plan: TapPlan = first;
    plan.do === 'read' && batches.length < atOnceMax;
    plan = planFrom(access, plan.toMs)
  ) {
    batches.push({ kind: 'tap', from: isoSeconds(plan.fromMs), to: isoSeconds(plan.toMs), pass: 'live' });
  }
  return batches;
}

async function recordLoss(access: Access, from: string, to: string): Promise<Step> {
  const input = { ...access.name, settings: access.settings(), from, to };
  await recordGap.executeWithOptions({ summary: `lost ${from} to ${to}` }, [input]);
  return { cursor: to, loaded: [] };
}

/** The cursor moves over the windows that are loaded, up to the first that failed; those beyond it are in the ledger all the same. */
async function noteLive(access: Access, cursor: string, outcomes: readonly WindowOutcome[]): Promise<Step> {
  const failedAt = outcomes.findIndex(({ failed }) => failed !== undefined);
  const read = failedAt < 0 ? outcomes : outcomes.slice(0, failedAt);
  const windows = read.map(({ batch, atMs }) => ({
    fromMs: Date.parse(batch.from),
    toMs: Date.parse(batch.to),
    atMs: atMs - behindMs(access),
  }));
  const startedMs = Date.parse(access.state().startedFrom);
  access.change({ tap: afterLiveReads(detailOf(access), access.settings(), startedMs, windows) });
  const reached = read.at(-1)?.batch.to ?? cursor;
  const step = { cursor: reached, watermark: reached, loaded: read.flatMap(({ loaded }) => loaded ?? []) };
  const failure = outcomes[failedAt];
  if (failure === undefined) return step;
  if (failure.code === 'tap.too_far_back') {
    // The vendor's horizon is nearer than ours: what it refuses as too old will never be had again.
    const loss = await recordLoss(access, failure.batch.from, isoSeconds(refusedUntilMs(access, failure.batch)));
    return { ...step, cursor: loss.cursor };
  }
  return { ...step, failed: failure.failed };
}

/** Up to where a window is given up that the vendor refused as too old. */
function refusedUntilMs(access: Access, { from, to }: TapBatch): number {
  const window = { fromMs: Date.parse(from), toMs: Date.parse(to) };
  const lostMs = lostUntilMs(window, vendorNowMs(access));
  return lostMs < window.toMs && patched('losses-end-with-the-margin') ? lostMs : window.toMs;
}

/** Closed hours that are due to be read again, at most so many windows; and when the next will be. */
function settleDue(access: Access, cursor: string, windowsMax: number): { batches: TapBatch[]; nextAtMs: number } {
  const { startedFrom } = access.state();
  const { settle: ages, window } = access.settings();
  const batches: TapBatch[] = [];
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const ageSeconds of ages) {
    const pass = settlePass(ageSeconds);
    const input = { liveMs: Date.parse(cursor), ageSeconds, nowMs: vendorNowMs(access), windowSeconds: window };
    let doneMs = settledMs(detailOf(access), ageSeconds, Date.parse(startedFrom));
    while (batches.length < windowsMax) {
      const plan = planSettle({ ...input, settledMs: doneMs });
      if (plan.do === 'wait') {
        nextAtMs = Math.min(nextAtMs, plan.untilMs);
        break;
      }
      doneMs = plan.toMs;
      if (plan.do === 'skip') access.change({ tap: withSettled(detailOf(access), pass, doneMs) });
      else batches.push({ kind: 'tap', from: isoSeconds(plan.fromMs), to: isoSeconds(plan.toMs), pass });
    }
  }
  return { batches, nextAtMs };
}

/** When the next live or settle read is due; nothing where one is due now. */
function nextRead(access: Access, cursor: string): { nextAtMs?: number } {
  const live = planFrom(access, Date.parse(cursor));
  if (live.do !== 'wait') return {};
  const settle = settleDue(access, cursor, 1);
  return settle.batches.length > 0 ? {} : { nextAtMs: Math.min(live.untilMs, settle.nextAtMs) + behindMs(access) };
}

/** Moves each pass up to its first window that failed; gives that failure. */
function noteSettled(access: Access, outcomes: readonly WindowOutcome[]): unknown {
  const stuck = new Set<string>();
  let failed: unknown;
  for (const { batch, loaded, failed: failure, code } of outcomes) {
    // what the vendor no longer has stays as it was read first
    if (failure !== undefined && code !== 'tap.too_far_back') {
      stuck.add(batch.pass);
      failed ??= failure;
    }
    if (stuck.has(batch.pass)) continue;
    const moved = withSettled(detailOf(access), batch.pass, Date.parse(batch.to));
    access.change({ tap: loaded === undefined ? moved : withLateFinds(moved, batch.pass, loaded) });
  }
  return failed;
}

/** Reads as many of the windows as the allowance has room for, and counts what the vendor was sent. */
async function readWithinBudget(
  access: Access,
  requestClass: RequestClass,
  batches: readonly TapBatch[],
): Promise<WindowOutcome[]> {
  const affordable = batches.slice(0, affordableCount(access, requestClass, batches.length));
  const outcomes = await Promise.all(affordable.map((batch) => readTapWindow(access.name, access.settings(), batch)));
  for (const { requests, landed, tookSeconds } of outcomes) {
    const counted = withCountedRequests(detailOf(access), requestClass, requests, nowMs());
    access.change({ tap: landed === undefined ? counted : withMeasures(counted, believed(landed), tookSeconds) });
  }
  return outcomes;
}

function affordableCount(access: Access, requestClass: RequestClass, wanted: number): number {
  const budget = budgetOf(access);
  const count = Math.min(wanted, requestsLeft(requestClass, budget));
  const countBefore = Math.min(wanted, requestsLeft(requestClass, { ...budget, settlePerDay: 0 }));
  return count === countBefore || patched('settle-has-its-share') ? count : countBefore;
}

/** Workers of an earlier version tell of any clock. */
function believed({ clockSkewSeconds }: Landed): Pick<Landed, 'clockSkewSeconds'> {
  return clockSkewSeconds === undefined || isUnbelievable(clockSkewSeconds) ? {} : { clockSkewSeconds };
}
