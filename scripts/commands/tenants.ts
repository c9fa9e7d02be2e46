/** `ppi tenants`: makes the running sources match tenants.yaml. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { IngestError } from '../../errors/ingest-error.ts';
import type { SourceName } from '../../sources/batch.ts';
import { checkEndpoint } from '../../sources/endpoint.ts';
import { queuesOf } from '../../sources/s3/queue-routes.ts';
import type { SourceSettings } from '../../sources/settings.ts';
import { leastRequestsPerDay, leastRequestsPerDayMax } from '../../sources/tap/budget.ts';
import { type ConfiguredSource, parseTenantsFile } from '../../sources/tenants-file.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { workflowIdOf } from '../../workflows/source-state.ts';
import { cancelBackfills } from '../backfills.ts';
import { note, printJson, printTable } from '../output.ts';
import { planQueues } from '../queue-registry.ts';
import { removeSource, runningSources, sourceStatus, startSource, updateSource } from '../source-registry.ts';
import { documented, type JsonOption, withClient, withExample } from './context.ts';

export type Change = 'created' | 'changed' | 'unchanged' | 'removed';

export interface AppliedSource extends SourceName {
  readonly change: Change;
}

/** A notification queue; see scripts/queue-registry.ts. */
export interface AppliedQueue {
  readonly queue: string;
  readonly change: Change;
}

export function addTenants(noun: Command): void {
  const tenants = withExample(noun, 'ppi tenants apply -f tenants.yaml --dry-run');
  documented(tenants.command('apply'), 'ppi tenants apply -f tenants.yaml')
    .description('create, change and remove sources to match the file; applying it again changes nothing')
    .requiredOption('-f, --file <path>', 'the tenants.yaml')
    .option('--dry-run', 'say what would change, change nothing')
    .action(async ({ file, dryRun, json }: JsonOption & { file: string; dryRun?: boolean }) => {
      const wanted = await readTenantsFile(file, readConfig());
      const applied = await withClient((client, config) =>
        applyTenants(client, config, wanted, { dryRun: dryRun === true }),
      );
      if (json === true) for (const row of applied) printJson(row);
      else printApplied(applied);
      for (const source of wanted) noteUnkeepable(source);
    });
}

/** Such settings are taken: for a short time, or with a simulator, they may do. */
function noteUnkeepable({ tenantId, sourceId, settings }: ConfiguredSource): void {
  if (settings.kind !== 'tap') return;
  const needed = leastRequestsPerDay(settings);
  if (needed <= leastRequestsPerDayMax) return;
  note(
    `${tenantId}/${sourceId} will fall behind: its window and settle take ${needed} requests a day, and the vendor's allowance has ${leastRequestsPerDayMax} for them; a longer window or fewer ages take fewer`,
  );
}

export function printApplied(applied: readonly (AppliedSource | AppliedQueue)[]): void {
  printTable(
    ['tenant', 'source', 'change'],
    applied.map((row) =>
      'queue' in row ? ['-', `queue ${row.queue}`, row.change] : [row.tenantId, row.sourceId, row.change],
    ),
  );
}

/** @throws IngestError `config.invalid`, `config.endpoint_refused` */
export async function readTenantsFile(file: string, config: Config): Promise<ConfiguredSource[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new IngestError('config.invalid', `${file}: cannot be read${reason}`, { cause: error });
  });
  const sources = parseTenantsFile(text, file);
  for (const { tenantId, sourceId, settings } of sources) {
    for (const [setting, endpoint] of endpointsOf(settings)) {
      try {
        if (endpoint !== undefined) checkEndpoint(endpoint, config);
      } catch (error) {
        if (!(error instanceof IngestError)) throw error;
        const path = `tenants.${tenantId}.sources.${sourceId}.${setting}`;
        throw new IngestError(error.code, `${file}: ${path}: ${error.message}`, { cause: error });
      }
    }
  }
  return sources;
}

/** Every address that a worker would call. */
function endpointsOf(settings: SourceSettings): (readonly [setting: string, endpoint: string | undefined])[] {
  if (settings.kind === 'tap') return [['baseUrl', settings.baseUrl]];
  return [
    ['endpoint', settings.endpoint],
    ['assumeRole.endpoint', settings.assumeRole?.endpoint],
    ['notifications.queueUrl', settings.notifications?.queueUrl],
  ];
}

/**
 * Nothing changes before everything is known to be possible: the file is checked, and running sources have answered.
 * @throws IngestError `config.invalid`, `source.silent`
 */
export async function applyTenants(
  client: Client,
  config: Config,
  wanted: readonly ConfiguredSource[],
  { dryRun }: { dryRun: boolean },
): Promise<(AppliedSource | AppliedQueue)[]> {
  const wantedIds = new Set(wanted.map(workflowIdOf));
  const running = await runningSources(client);
  const runningIds = new Set(running.map(workflowIdOf));
  const paused = new Set<string>();
  const changes: { source: SourceName; change: Change; carryOut: () => Promise<unknown> }[] = [];
  for (const source of wanted) {
    if (!runningIds.has(workflowIdOf(source))) {
      changes.push({ source, change: 'created', carryOut: () => createSource(client, config, source) });
      continue;
    }
    const { settings, pauseReason } = await sourceStatus(client, source);
    mustBeOfKind(source, settings.kind);
    if (pauseReason !== undefined) paused.add(workflowIdOf(source));
    if (isDeepStrictEqual(settings, source.settings))
      changes.push({ source, change: 'unchanged', carryOut: async () => undefined });
    else changes.push({ source, change: 'changed', carryOut: () => reconfigure(client, source) });
  }
  for (const source of running.filter((each) => !wantedIds.has(workflowIdOf(each)))) {
    changes.push({ source, change: 'removed', carryOut: () => giveUp(client, source) });
  }
  const queues = await planQueues(client, config.temporal.taskQueue, queuesOf(wanted, 'tenants.yaml'), paused);
  if (!dryRun)
    await carryOutAll([
      ...queues.map(({ queue, ...rest }) => ({ ...rest, name: `queue ${queue}` })),
      ...changes.map(({ source: { tenantId, sourceId }, ...rest }) => ({ ...rest, name: `${tenantId}/${sourceId}` })),
    ]);
  return [
    ...changes.map(({ source: { tenantId, sourceId }, change }) => ({ tenantId, sourceId, change })),
    ...queues.map(({ queue, change }) => ({ queue, change })),
  ];
}

/** A workflow is of one kind for as long as it runs. */
function mustBeOfKind({ tenantId, sourceId, settings }: ConfiguredSource, running: SourceSettings['kind']): void {
  if (settings.kind === running) return;
  throw new IngestError(
    'config.invalid',
    `tenants.${tenantId}.sources.${sourceId}.kind: is ${settings.kind}, and the source that runs is of kind ${running}, which it keeps: ` +
      'name the new one otherwise, or apply the file without it first',
  );
}

interface Step {
  readonly name: string;
  readonly change: Change;
  readonly carryOut: () => Promise<unknown>;
}

/** Where one fails, a note says what the file has come to so far. */
async function carryOutAll(steps: readonly Step[]): Promise<void> {
  const told = (some: readonly Step[]) => some.map(({ name, change }) => `${name} (${change})`).join(', ') || 'nothing';
  const due = steps.filter(({ change }) => change !== 'unchanged');
  for (const [index, { name, carryOut }] of due.entries()) {
    try {
      await carryOut();
    } catch (error) {
      note(`${name} failed; done before: ${told(due.slice(0, index))}; not done: ${told(due.slice(index))}`);
      throw error;
    }
  }
}

async function createSource(client: Client, config: Config, source: ConfiguredSource): Promise<void> {
  const started = await startSource(client, config.temporal.taskQueue, source);
  // it was started a moment ago and the list did not have it yet
  if (!started) await reconfigure(client, source);
}

async function reconfigure(client: Client, source: ConfiguredSource): Promise<void> {
  await updateSource(client, source, 'reconfigure', { settings: source.settings });
}

/** Its backfills first: they ask their source for requests, and would read on for a tenant that has left. */
async function giveUp(client: Client, source: SourceName): Promise<void> {
  await cancelBackfills(client, source);
  await removeSource(client, source);
}
