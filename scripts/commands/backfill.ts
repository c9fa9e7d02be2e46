/** `ppi backfill`: read a time again, or for the first time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { IngestError } from '../../errors/ingest-error.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { isoSeconds, type SourceName } from '../../sources/batch.ts';
import { formatDuration } from '../../sources/duration.ts';
import type { S3Settings } from '../../sources/settings.ts';
import { requestsLeft, steadyPace } from '../../sources/tap/budget.ts';
import { oldestMinuteMs } from '../../sources/tap/plan.ts';
import type { Config } from '../../workers/config.ts';
import { type BackfillStatus, backfillWorkflowIdOf, type ObjectTime } from '../../workflows/backfill-state.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { backfillPage } from '../../workflows/status-page.ts';
import {
  backfillStatus,
  cancelBackfill,
  listBackfills,
  type ListedBackfill,
  noShareWords,
  runningBackfill,
  startS3Backfill,
  startTapBackfill,
  summarizeTapPlan,
  type TimeRange,
  updateBackfill,
} from '../backfills.ts';
import { note, printJson, printTable, UsageError } from '../output.ts';
import { createProgress } from '../progress.ts';
import { countObjects, sourceStatus } from '../source-registry.ts';
import {
  askEach,
  documented,
  type JsonOption,
  mustAllAnswer,
  timeOption,
  withClient,
  withExample,
  withLakeAndClient,
} from './context.ts';
import { isTap, readUpToMs, sourceCoverage, type TapStatus } from './coverage.ts';
import { mustBeTenants } from './known-tenants.ts';

interface RangeOptions extends JsonOption {
  readonly tenant: string;
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly force?: boolean;
  readonly by: ObjectTime;
}

interface SteeringOptions extends JsonOption {
  readonly tenant: string;
  readonly source: string;
  readonly from?: number;
  readonly to?: number;
}

const example = (verb: string) =>
  `ppi backfill ${verb} --tenant acme --source tap --from 2026-01-30T00:00:00Z --to 2026-01-31T00:00:00Z`;

export function addBackfill(noun: Command): void {
  const backfill = withExample(noun, example('plan'));
  ranged(
    documented(backfill.command('plan'), example('plan')),
    'what a backfill would read, ask of the vendor and take; starts nothing',
  ).action(async (options: RangeOptions) => {
    const plan = await withLakeAndClient((lake, client, config) => planBackfill(lake, client, config, options));
    if (options.json === true) return printJson(plan);
    for (const [label, value] of Object.entries(plan))
      process.stdout.write(
        `${label}: ${label === 'estimateSeconds' ? `${String(value)} (${formatDuration(Number(value))})` : String(value)}\n`,
      );
  });
  ranged(
    documented(backfill.command('start'), example('start')),
    'start it: what has not been read, or all of it with --force',
  ).action(async (options: RangeOptions) => {
    const started = await withLakeAndClient((lake, client, config) => startBackfill(lake, client, config, options));
    if (options.json === true) return printJson(started);
    process.stdout.write(`${started.workflowId}: ${started.windows} to read\n`);
  });
  addStatus(backfill);
  addSteering(backfill, 'pause', 'finish what is under way and wait');
  addSteering(backfill, 'resume', 'go on after a pause');
  addSteering(backfill, 'cancel', 'give up; what is in the lake stays');
}

function ranged(command: Command, description: string): Command {
  return command
    .description(description)
    .requiredOption('--tenant <tenant>')
    .requiredOption('--source <source>')
    .addOption(new Option('--from <time>', 'start, inclusive').argParser(timeOption).makeOptionMandatory())
    .addOption(new Option('--to <time>', 'end, exclusive').argParser(timeOption).makeOptionMandatory())
    .option('--force', 'read also what has been read; adds nothing twice')
    .addOption(
      new Option('--by <time>', 'S3: the time that the range means').choices(['key', 'modified']).default('modified'),
    );
}

function addStatus(backfill: Command): void {
  documented(backfill.command('status'), 'ppi backfill status --tenant acme --watch')
    .description('progress of backfills')
    .option('--tenant <tenant>')
    .option('--source <source>')
    .option('--watch', 'show a progress bar until the newest one ends; exit code 1 where it failed, or a part of it')
    .action(
      async ({ tenant, source, watch, json }: JsonOption & { tenant?: string; source?: string; watch?: boolean }) => {
        await withClient(async (client) => {
          const wanted = {
            ...(tenant === undefined ? {} : { tenantId: tenant }),
            ...(source === undefined ? {} : { sourceId: source }),
          };
          const listed = await listBackfills(client, wanted);
          if (listed.length === 0 && tenant !== undefined) await mustBeTenants([tenant], { client });
          if (watch === true) {
            const ended = await watchBackfill(client, newestOf(listed, wanted));
            if (json === true) printJson(ended);
            else process.stdout.write(`${pageOf(ended)}\n`);
            if (ended.execution !== 'completed' || ended.failedCount > 0) process.exitCode = 1;
            return;
          }
          const { answers, silent } = await askEach(listed, async (each) => ({
            ...each,
            ...(await backfillStatus(client, each.workflowId, each.runId)),
          }));
          if (json === true) for (const status of answers) printJson(status);
          else {
            printTable(
              ['tenant', 'source', 'from', 'to', 'state', 'done', 'of', 'failed', 'rows added', 'time left'],
              answers.map((status) => [
                status.tenantId,
                status.sourceId,
                status.from,
                status.to,
                status.execution === 'running' ? status.state : status.execution,
                status.done,
                status.unitsTotal,
                status.failedCount,
                status.totals.rowsAdded,
                status.execution !== 'running' || status.etaSeconds === undefined
                  ? '-'
                  : formatDuration(status.etaSeconds),
              ]),
            );
          }
          return mustAllAnswer(silent, ({ workflowId }) => workflowId);
        });
      },
    );
}

/** @throws IngestError `backfill.unknown` where there is none to be watched */
function newestOf(listed: readonly ListedBackfill[], { tenantId, sourceId }: Partial<SourceName>): string {
  const [newest] = listed;
  if (newest !== undefined) return newest.workflowId;
  const of = tenantId === undefined && sourceId === undefined ? '' : ` of ${tenantId ?? '*'}/${sourceId ?? '*'}`;
  throw new IngestError('backfill.unknown', `no backfill${of}: there is nothing to watch`);
}

/** What it says of itself, and `running` or how it ended. */
type SeenBackfill = BackfillStatus & Pick<ListedBackfill, 'execution'>;

async function seeBackfill(client: Client, workflowId: string): Promise<SeenBackfill> {
  const { status } = await client.workflow.getHandle(workflowId).describe();
  return { ...(await backfillStatus(client, workflowId)), execution: status.name.toLowerCase() };
}

function pageOf(seen: SeenBackfill): string {
  return backfillPage(seen, seen.execution === 'running' ? undefined : seen.execution);
}

async function watchBackfill(client: Client, workflowId: string): Promise<SeenBackfill> {
  const progress = createProgress();
  for (;;) {
    const now = await seeBackfill(client, workflowId);
    progress.show(
      now.done + now.failedCount,
      now.unitsTotal,
      `windows  ${now.totals.rowsAdded} rows added  ${now.state}  ${timeLeft(now)}`,
    );
    if (now.execution !== 'running') {
      progress.end();
      return now;
    }
    await sleep(500);
  }
}

function timeLeft({ etaSeconds }: BackfillStatus): string {
  return etaSeconds === undefined ? '' : `${formatDuration(etaSeconds)} left`;
}

function addSteering(backfill: Command, verb: 'pause' | 'resume' | 'cancel', description: string): void {
  documented(backfill.command(verb), `ppi backfill ${verb} --tenant acme --source tap`)
    .description(description)
    .requiredOption('--tenant <tenant>')
    .requiredOption('--source <source>')
    .addOption(new Option('--from <time>', 'start of the one that is meant, where several run').argParser(timeOption))
    .addOption(new Option('--to <time>', 'its end').argParser(timeOption))
    .action(async (options: SteeringOptions) => {
      const { workflowId, seen } = await withClient(async (client) => {
        const found = await steered(client, options);
        if (verb === 'cancel') return { workflowId: found, seen: await cancelAndSee(client, found) };
        return { workflowId: found, seen: { ...(await updateBackfill(client, found, verb)), execution: 'running' } };
      });
      if (options.json === true) printJson(seen);
      else process.stdout.write(`${workflowId}\n${pageOf(seen)}\n`);
      if (verb === 'cancel' && seen.execution === 'running') note('it ends when its worker hears of it');
    });
}

/** It has ended when a worker has heard of it: in a moment where one is free. */
async function cancelAndSee(client: Client, workflowId: string): Promise<SeenBackfill> {
  await cancelBackfill(client, workflowId);
  const untilMs = Date.now() + endMs;
  for (;;) {
    const seen = await seeBackfill(client, workflowId);
    if (seen.execution !== 'running' || Date.now() >= untilMs) return seen;
    await sleep(200);
  }
}

/** How long the end of a cancelled backfill is waited for. */
const endMs = 10_000;

async function steered(client: Client, { tenant, source, from, to }: SteeringOptions): Promise<string> {
  const name = { tenantId: tenant, sourceId: source };
  if (from === undefined && to === undefined) return runningBackfill(client, name);
  if (from === undefined || to === undefined) throw new UsageError('--from and --to go together');
  return backfillWorkflowIdOf({ ...name, ...isoRange(rangeOf({ from, to })) });
}

function isoRange({ fromMs, toMs }: TimeRange) {
  return { from: isoSeconds(fromMs), to: isoSeconds(toMs) };
}

function rangeOf({ from, to }: Pick<RangeOptions, 'from' | 'to'>): TimeRange {
  if (from >= to) throw new UsageError('--from must be before --to');
  return { fromMs: Math.floor(from / 60_000) * 60_000, toMs: Math.ceil(to / 60_000) * 60_000 };
}

async function planBackfill(
  lake: LakeReader,
  client: Client,
  config: Config,
  options: RangeOptions,
): Promise<Record<string, unknown>> {
  const range = rangeOf(options);
  const status = await sourceStatus(client, { tenantId: options.tenant, sourceId: options.source });
  if (!isTap(status)) {
    const objects = await countObjects(client, config, s3Source(status), range, options.by);
    return { ...isoRange(range), ...objects };
  }
  const { intervals, reachable, beyondHorizon } = await missing(lake, status, range, options.force === true);
  const left = requestsLeft('backfill', {
    log: status.tap?.requests ?? {},
    nowMs: Date.now(),
    ...steadyPace(status.settings),
  });
  const noShare = noShareWords(status.settings);
  return {
    ...isoRange(range),
    ...summarizeTapPlan(status, reachable, intervals, left),
    requestsLeftToday: left,
    ...(noShare === undefined ? {} : { noRequests: noShare }),
    ...(beyondHorizon ? { beyondHorizon: 'the vendor has no more than 7 days: what is older is left out' } : {}),
  };
}

async function startBackfill(lake: LakeReader, client: Client, config: Config, options: RangeOptions) {
  const range = rangeOf(options);
  const status = await sourceStatus(client, { tenantId: options.tenant, sourceId: options.source });
  if (!isTap(status)) {
    const { objects } = await countObjects(client, config, s3Source(status), range, options.by);
    return startS3Backfill(client, config, s3Source(status), { ...range, by: options.by, unitsTotal: objects });
  }
  const { intervals } = await missing(lake, status, range, options.force === true);
  if (intervals.length === 0)
    throw new UsageError(
      'nothing to read: all of it has been read, or the vendor has it no more; --force reads again what it has',
    );
  const noShare = noShareWords(status.settings);
  if (noShare !== undefined) throw new UsageError(`it would wait for ever: ${noShare}`);
  return startTapBackfill(client, config, status, { ...range, intervals });
}

/** What of the range has not been read and can be had. Live reads go up to the cursor; what is beyond it is theirs. */
async function missing(
  lake: LakeReader,
  status: TapStatus,
  range: TimeRange,
  force: boolean,
): Promise<{ intervals: TimeRange[]; reachable: TimeRange[]; beyondHorizon: boolean }> {
  const oldestMs = oldestMinuteMs(Date.now()) + 60_000;
  const fromMs = Math.max(range.fromMs, oldestMs);
  const toMs = Math.min(range.toMs, readUpToMs(status));
  const beyondHorizon = range.fromMs < oldestMs;
  if (fromMs >= toMs) return { intervals: [], reachable: [], beyondHorizon };
  const reachable = [{ fromMs, toMs }];
  if (force) return { intervals: reachable, reachable, beyondHorizon };
  const coverage = await sourceCoverage(lake, status, { fromMs, toMs });
  const intervals = coverage.filter(({ state }) => state === 'unread' || state === 'lost');
  return { intervals, reachable, beyondHorizon };
}

function s3Source(status: SourceStatus): SourceStatus & { settings: S3Settings } {
  if (status.settings.kind !== 's3') throw new UsageError(`${status.tenantId}/${status.sourceId} has no backfills`);
  return { ...status, settings: status.settings };
}
