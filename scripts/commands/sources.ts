/** `ppi sources`: see and steer the sources that run. */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import pMap from 'p-map';
import type { Check, CheckSourceInput } from '../../activities/contracts.ts';
import { IngestError } from '../../errors/ingest-error.ts';
import type { SourceName } from '../../sources/batch.ts';
import type { ConfiguredSource } from '../../sources/tenants-file.ts';
import type { Config } from '../../workers/config.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { lagWords, statusPage } from '../../workflows/status-page.ts';
import { printJson, printTable, UsageError } from '../output.ts';
import { runningSources, sourceStatus, updateSource } from '../source-registry.ts';
import { documented, type JsonOption, withClient } from './context.ts';
import { readTenantsFile } from './tenants.ts';

type Listed = SourceStatus | (SourceName & { readonly pipelineState: 'unknown'; readonly problem: string });

export function addSources(program: Command): void {
  const sources = program.command('sources').description('the sources that run');
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
      const listed = await withClient((client) => listSources(client, tenant));
      if (json === true) {
        for (const status of listed) printJson(status);
        return;
      }
      printTable(
        ['tenant', 'source', 'kind', 'state', 'lag', 'rows added', 'dead letters', 'next read', 'last error'],
        listed.map((status) =>
          status.pipelineState === 'unknown'
            ? [status.tenantId, status.sourceId, '-', 'unknown', '-', '-', '-', '-', status.problem]
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
  const listed = await pMap(
    await runningSources(client, tenantId),
    (source) =>
      sourceStatus(client, source).catch((error: unknown): Listed => {
        if (!(error instanceof IngestError)) throw error;
        return { ...source, pipelineState: 'unknown', problem: error.code };
      }),
    { concurrency: 16 },
  );
  return listed.toSorted((a, b) => worstFirst.indexOf(a.pipelineState) - worstFirst.indexOf(b.pipelineState));
}

function addShow(sources: Command): void {
  documented(sources.command('show <tenant> <source>'), 'ppi sources show acme tap')
    .description('everything about one source')
    .action(async (tenantId: string, sourceId: string, { json }: JsonOption) => {
      const status = await withClient((client) => sourceStatus(client, { tenantId, sourceId }));
      if (json === true) return printJson(status);
      process.stdout.write(`${tenantId}/${sourceId} (${status.kind})\n${statusPage(status)}\n\nSettings:\n`);
      for (const [setting, value] of Object.entries(status.settings))
        process.stdout.write(`  ${setting}: ${String(value)}\n`);
    });
}

function addTest(sources: Command): void {
  documented(sources.command('test <tenant> <source>'), 'ppi sources test acme tap -f tenants.yaml')
    .description('try secrets, access and one read on a worker; changes nothing')
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
      if (json === true) for (const check of checks) printJson(check);
      else
        for (const { ok, name, message, remedy } of checks) {
          process.stdout.write(
            `${ok ? 'ok    ' : 'FAILED'}  ${name}: ${message}\n${remedy === undefined ? '' : `        what to do: ${remedy}\n`}`,
          );
        }
      if (checks.some(({ ok }) => !ok)) process.exitCode = 1;
    });
}

function configured(sources: readonly ConfiguredSource[], wanted: SourceName, file: string): ConfiguredSource {
  const found = sources.find(({ tenantId, sourceId }) => tenantId === wanted.tenantId && sourceId === wanted.sourceId);
  if (found === undefined)
    throw new UsageError(`${file} has no source ${wanted.sourceId} of tenant ${wanted.tenantId}`);
  return found;
}

/** Runs the checks on a worker. */
export async function testSource(client: Client, config: Config, input: CheckSourceInput): Promise<Check[]> {
  return client.workflow.execute('checkSource', {
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
    const update = verb === 'poll' ? 'pollNow' : verb;
    const status = await withClient((client) =>
      updateSource(client, { tenantId, sourceId }, update, verb === 'pause' ? { reason } : undefined),
    );
    if (json === true) return printJson(status);
    process.stdout.write(`${tenantId}/${sourceId} (${status.kind})\n${statusPage(status)}\n`);
  });
}
