/** Backfills, seen and steered through Temporal. */
import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { IngestError } from '../errors/ingest-error.ts';
import { isoSeconds, type SourceName } from '../sources/batch.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import { backfillShare, requestsPerDay, steadyPace } from '../sources/tap/budget.ts';
import { windowsOf } from '../sources/tap/plan.ts';
import type { Config } from '../workers/config.ts';
import {
  backfillIdOf,
  type BackfillStatus,
  backfillWorkflowIdOf,
  type ObjectTime,
  type S3BackfillInput,
  type TapBackfillInput,
} from '../workflows/backfill-state.ts';
import { backfillIdKey, sourceIdKey, tenantIdKey } from '../workflows/search-attributes.ts';
import type { SourceStatus } from '../workflows/source-state.ts';
import { answered, quoteKeyword } from './source-registry.ts';

/** Behind the live reads of every source. */
const backfillPriority = 4;

const windowsAtOnce = 4;

/** A guess before anything was measured. */
const windowSecondsGuess = 2;

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StartedBackfill extends SourceName {
  readonly from: string;
  readonly to: string;
  readonly windows: number;
  readonly workflowId: string;
}

/** What a TAP backfill would ask of the vendor, and how long it would take. */
export interface TapPlanSummary {
  readonly windows: number;
  /** Windows that can be had and need no request, because they have been read. */
  readonly alreadyRead: number;
  readonly requests: number;
  /** Share of the daily allowance, 0 to 1 and above. */
  readonly quotaShare: number;
  /** Absent where the source leaves no requests for backfills: it would never end. */
  readonly estimateSeconds?: number;
}

export function summarizeTapPlan(
  status: SourceStatus & { settings: TapSettings },
  reachable: readonly TimeRange[],
  intervals: readonly TimeRange[],
  requestsNow: number,
): TapPlanSummary {
  const count = (each: readonly TimeRange[]) => windowsOf(each.map(isoInterval), status.settings.window).length;
  const windows = count(intervals);
  const seconds = (windows * (status.tap?.windowSeconds ?? windowSecondsGuess)) / windowsAtOnce;
  // what today's allowance does not cover comes with that of the days after
  const share = backfillShare(steadyPace(status.settings));
  const waitDays = windows <= requestsNow ? 0 : Math.ceil((windows - requestsNow) / share);
  return {
    windows,
    alreadyRead: count(reachable) - windows,
    requests: windows,
    quotaShare: Math.round((windows / requestsPerDay) * 1000) / 1000,
    ...(Number.isFinite(waitDays) ? { estimateSeconds: Math.ceil(seconds + waitDays * 86_400) } : {}),
  };
}

/** Why no backfill of the source can have requests; undefined where it can. */
export function noShareWords(settings: TapSettings): string | undefined {
  const pace = steadyPace(settings);
  return backfillShare(pace) > 0
    ? undefined
    : `the source itself needs ${pace.steadyPerDay} requests a day, and nothing of the vendor's allowance is left for backfills: raise every or window, or name fewer ages under settle, and apply tenants.yaml again`;
}

export async function startTapBackfill(
  client: Client,
  config: Config,
  { tenantId, sourceId, settings }: SourceName & { settings: TapSettings },
  { fromMs, toMs, intervals }: TimeRange & { intervals: readonly TimeRange[] },
): Promise<StartedBackfill> {
  const isoIntervals = intervals.map(isoInterval);
  const unitsTotal = windowsOf(isoIntervals, settings.window).length;
  const startedAt = new Date().toISOString();
  const input: TapBackfillInput = {
    tenantId,
    sourceId,
    settings,
    from: isoSeconds(fromMs),
    to: isoSeconds(toMs),
    intervals: isoIntervals,
    unitsTotal,
    startedAt,
  };
  return start(client, config, 'tapBackfill', input);
}

export async function startS3Backfill(
  client: Client,
  config: Config,
  { tenantId, sourceId, settings }: SourceName & { settings: S3Settings },
  { fromMs, toMs, by, unitsTotal }: TimeRange & { by: ObjectTime; unitsTotal: number },
): Promise<StartedBackfill> {
  const input: S3BackfillInput = {
    tenantId,
    sourceId,
    settings,
    from: isoSeconds(fromMs),
    to: isoSeconds(toMs),
    by,
    unitsTotal,
  };
  return start(client, config, 's3Backfill', input);
}

async function start(
  client: Client,
  { temporal }: Config,
  workflowType: string,
  input: TapBackfillInput | S3BackfillInput,
): Promise<StartedBackfill> {
  const { tenantId, sourceId, from, to, unitsTotal } = input;
  const workflowId = backfillWorkflowIdOf(input);
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue: temporal.taskQueue,
      args: [input],
      priority: { priorityKey: backfillPriority, fairnessKey: tenantId },
      staticSummary: `backfill ${from} to ${to} of ${tenantId}/${sourceId}`,
      typedSearchAttributes: [
        { key: tenantIdKey, value: tenantId },
        { key: sourceIdKey, value: sourceId },
        { key: backfillIdKey, value: backfillIdOf(input) },
      ],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new IngestError('backfill.running', `backfill ${from} to ${to} of ${tenantId}/${sourceId}: runs already`, {
      cause: error,
    });
  }
  return { tenantId, sourceId, from, to, windows: unitsTotal, workflowId };
}

export interface ListedBackfill {
  readonly workflowId: string;
  /** One of those that the id has had: a time may be read again, and each run has its own numbers. */
  readonly runId: string;
  /** `running`, or how it ended. */
  readonly execution: string;
}

/** All backfills that the namespace remembers, newest first. */
export async function listBackfills(client: Client, source: Partial<SourceName>): Promise<ListedBackfill[]> {
  const filter = [`WorkflowType IN ('tapBackfill', 's3Backfill')`];
  if (source.tenantId !== undefined) filter.push(`TenantId = ${quoteKeyword(source.tenantId)}`);
  if (source.sourceId !== undefined) filter.push(`SourceId = ${quoteKeyword(source.sourceId)}`);
  const found: ListedBackfill[] = [];
  for await (const { workflowId, runId, status } of client.workflow.list({ query: filter.join(' AND ') })) {
    if (status.name !== 'CONTINUED_AS_NEW') found.push({ workflowId, runId, execution: status.name.toLowerCase() });
  }
  return found;
}

/**
 * The only backfill of the source that runs.
 * @throws IngestError `backfill.unknown` where none or several do
 */
export async function runningBackfill(client: Client, source: SourceName): Promise<string> {
  const running = (await listBackfills(client, source)).filter(({ execution }) => execution === 'running');
  const [only, ...others] = running.map(({ workflowId }) => workflowId);
  const name = `${source.tenantId}/${source.sourceId}`;
  if (only === undefined) throw new IngestError('backfill.unknown', `source ${name}: no backfill runs`);
  if (others.length === 0) return only;
  throw new IngestError('backfill.unknown', `source ${name}: several backfills run, ${[only, ...others].join(', ')}`);
}

/** Of the latest run where none is given. */
export async function backfillStatus(client: Client, workflowId: string, runId?: string): Promise<BackfillStatus> {
  const handle = client.workflow.getHandle(workflowId, runId);
  return asked(client, workflowId, () => handle.query<BackfillStatus>('status'));
}

export async function updateBackfill(
  client: Client,
  workflowId: string,
  update: 'pause' | 'resume',
): Promise<BackfillStatus> {
  const handle = client.workflow.getHandle(workflowId);
  return asked(client, workflowId, () => handle.executeUpdate<BackfillStatus, []>(update));
}

/** What is under way is given up; what is in the lake stays. */
export async function cancelBackfill(client: Client, workflowId: string): Promise<void> {
  await asked(client, workflowId, () => client.workflow.getHandle(workflowId).cancel());
}

function asked<T>(client: Client, workflowId: string, ask: () => Promise<T>): Promise<T> {
  return answered(client, workflowId, ask, undefined, 'backfill.unknown');
}

/** All of a source that run; one that ends meanwhile needs none. */
export async function cancelBackfills(client: Client, source: SourceName): Promise<void> {
  for (const { workflowId, execution } of await listBackfills(client, source)) {
    if (execution !== 'running') continue;
    await cancelBackfill(client, workflowId).catch((error: unknown) => {
      if (!(error instanceof IngestError) || error.code !== 'backfill.unknown') throw error;
    });
  }
}

function isoInterval({ fromMs, toMs }: TimeRange) {
  return { from: isoSeconds(fromMs), to: isoSeconds(toMs) };
}
