/** `ppi sources`: see and steer the sources that run. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import type { Check, CheckSourceInput } from '../../activities/contracts.ts';
import type { SourceName } from '../../sources/batch.ts';
import { formatDuration } from '../../sources/duration.ts';
import type { ConfiguredSource } from '../../sources/tenants-file.ts';
import type { Config } from '../../workers/config.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { lagWords, statusPage } from '../../workflows/status-page.ts';
import { printChecks } from '../checks.ts';
import { printJson, printTable, printText, UsageError } from '../output.ts';
import { queueNameOf, updateQueue } from '../queue-registry.ts';
import { askWorker, runningSources, sourceStatus, updateSource } from '../source-registry.ts';
import { askEach, documented, type JsonOption, withClient, withExample } from './context.ts';
import { mustBeTenants } from './known-tenants.ts';
import { readTenantsFile } from './tenants.ts';

type Listed =
  | SourceStatus
  | (SourceName & { readonly pipelineState: 'unknown'; readonly problem: string; readonly remedy: string });

export function addSources(noun: Command): void {
  const sources = withExample(noun, 'ppi sources list');
  addList(sources);
  addShow(sources);
  addTest(sources);
  addUpdate(sources, 'pause', 'stop reading until resumed', 'ppi sources pause acme tap --reason "vendor maintenance"');
  addUpdate(sources, 'resume', 'end a pause or a block and read at once', 'ppi sources resume acme tap');
  addUpdate(sources, 'poll', 'read now; answers when that read is loaded', 'ppi sources poll acme tap');
}

function addList(sources: Command): void {
  documented(sources.command('list'), 'ppi sources list --tenant acme')
    .description('state, lag and last error of every source, worst first')
    .option('--tenant <tenant>', 'of one tenant')
    .action(async ({ tenant, json }: JsonOption & { tenant?: string }) => {
      const listed = await withClient(async (client) => {
        const found = await listSources(client, tenant);
        if (found.length === 0 && tenant !== undefined) await mustBeTenants([tenant], { client });
        return found;
      });
      if (json === true) {
        for (const status of listed) printJson(status);
        return;
      }
      printTable(
        ['tenant', 'source', 'kind', 'state', 'lag', 'rows added', 'dead letters', 'next read', 'last error'],
        listed.map((status) =>
          status.pipelineState === 'unknown'
            ? [
                status.tenantId,
                status.sourceId,
                '-',
                'unknown',
                '-',
                '-',
                '-',
                '-',
                `${status.problem}: ${status.remedy}`,
              ]
            : [
                status.tenantId,
                status.sourceId,
                status.kind,
                status.pipelineState,
                status.lagSeconds === undefined ? '-' : lagWords(status.lagSeconds),
                status.totals.rowsAdded,
                status.totals.deadLetters,
                status.nextReadAt ?? '-',
                status.lastError?.code ?? '-',
              ],
        ),
      );
    });
}

const worstFirst = ['unknown', 'blocked', 'backoff', 'late', 'paused', 'running', 'idle'] as const;

async function listSources(client: Client, tenantId?: string): Promise<Listed[]> {
  const { answers, silent } = await askSources(client, tenantId);
  const unknown = silent.map(({ asked, error: { code, remedy } }): Listed => {
    return { ...asked, pipelineState: 'unknown', problem: code, remedy };
  });
  return [...unknown, ...answers].toSorted(
    (a, b) => worstFirst.indexOf(a.pipelineState) - worstFirst.indexOf(b.pipelineState),
  );
}

/** What the running sources say of themselves. */
export async function askSources(client: Client, tenantId?: string) {
  return askEach(await runningSources(client, tenantId), (source) => sourceStatus(client, source));
}

function addShow(sources: Command): void {
  documented(sources.command('show <tenant> <source>'), 'ppi sources show acme tap')
    .description('everything about one source')
    .action(async (tenantId: string, sourceId: string, { json }: JsonOption) => {
      const status = await withClient((client) => sourceStatus(client, { tenantId, sourceId }));
      if (json === true) return printJson(status);
      const settings = Object.entries(status.settings).map(([setting, value]) => `  ${setting}: ${settingText(value)}`);
      printText([page(status), '', 'Settings:', ...settings].join('\n'));
    });
}

/** As tenants.yaml has it: every number there is a duration. */
function settingText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(settingText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).map(([setting, part]) => `${setting}: ${settingText(part)}`);
    return `{ ${parts.join(', ')} }`;
  }
  return typeof value === 'number' ? formatDuration(value) : String(value);
}

function page(status: SourceStatus): string {
  return `${status.tenantId}/${status.sourceId} (${status.kind})\n${statusPage(status)}`;
}

function addTest(sources: Command): void {
  documented(sources.command('test <tenant> <source>'), 'ppi sources test acme tap -f tenants.yaml')
    .description('try secrets, access and a read on a worker, and what the records would become; changes nothing')
    .option(
      '-f, --file <path>',
      'take the settings from this tenants.yaml, which need not be applied; default: those of the running source',
    )
    .action(async (tenantId: string, sourceId: string, { file, json }: JsonOption & { file?: string }) => {
      const checks = await withClient(async (client, config) => {
        const { settings } =
          file === undefined
            ? await sourceStatus(client, { tenantId, sourceId })
            : configured(await readTenantsFile(file, config), { tenantId, sourceId }, file);
        return testSource(client, config, { tenantId, sourceId, settings });
      });
      const ok = checks.every((check) => check.ok);
      if (json === true) printJson({ tenantId, sourceId, ok, checks });
      else printChecks(checks);
      if (!ok) process.exitCode = 1;
    });
}

export function configured(sources: readonly ConfiguredSource[], wanted: SourceName, file: string): ConfiguredSource {
  const found = sources.find(({ tenantId, sourceId }) => tenantId === wanted.tenantId && sourceId === wanted.sourceId);
  if (found === undefined)
    throw new UsageError(`${file} has no source ${wanted.sourceId} of tenant ${wanted.tenantId}`);
  return found;
}

/**
 * Runs the checks on a worker.
 * @throws IngestError `source.silent`
 */
export async function testSource(client: Client, config: Config, input: CheckSourceInput): Promise<Check[]> {
  return askWorker(client, input, 'checkSource', {
    workflowId: `check/${input.tenantId}/${input.sourceId}/${randomUUID()}`,
    taskQueue: config.temporal.taskQueue,
    args: [input],
    workflowExecutionTimeout: '5m',
    staticSummary: `try the settings of ${input.tenantId}/${input.sourceId}`,
  });
}

function addUpdate(sources: Command, verb: 'pause' | 'resume' | 'poll', description: string, example: string): void {
  const command = documented(sources.command(`${verb} <tenant> <source>`), example).description(description);
  if (verb === 'pause')
    command.addOption(new Option('--reason <text>', 'why, for the status page').default('by an operator'));
  command.action(async (tenantId: string, sourceId: string, { reason, json }: JsonOption & { reason?: string }) => {
    const source = { tenantId, sourceId };
    const status = await withClient((client) => steerSource(client, source, verb, reason));
    if (json === true) return printJson(status);
    printText(page(status));
  });
}

/**
 * A paused source's objects are not loaded by its queue either. The queue goes first when the source is resumed: what it deletes until then was
 * uploaded before the listing that the source makes at once, which finds it.
 */
export async function steerSource(
  client: Client,
  source: SourceName,
  verb: 'pause' | 'resume' | 'poll',
  reason?: string,
): Promise<SourceStatus> {
  // a worker has to be there; then the read that `poll` waits for may take its time
  const before = await sourceStatus(client, source);
  switch (verb) {
    case 'poll':
      return updateSource(client, source, 'pollNow');
    case 'pause': {
      const status = await updateSource(client, source, 'pause', { reason });
      await pauseRoute(client, status, true);
      return status;
    }
    case 'resume': {
      // a queue that is in trouble does not keep the source from listing
      const [route] = await Promise.allSettled([pauseRoute(client, before, false)]);
      const status = await updateSource(client, source, 'resume');
      if (route.status === 'rejected') throw route.reason;
      return status;
    }
  }
}

async function pauseRoute(
  client: Client,
  { tenantId, sourceId, settings }: SourceStatus,
  paused: boolean,
): Promise<void> {
  if (settings.kind !== 's3' || settings.notifications === undefined) return;
  await updateQueue(client, queueNameOf(settings.notifications.queueUrl), 'pauseRoute', { tenantId, sourceId, paused });
}
