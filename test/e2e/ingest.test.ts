import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Maintained } from '../../lake/maintenance.ts';
import { openLakeReader } from '../../lake/reader.ts';
import { startS3Backfill, startTapBackfill } from '../../scripts/backfills.ts';
import { testSource } from '../../scripts/commands/sources.ts';
import { applyTenants, readTenantsFile } from '../../scripts/commands/tenants.ts';
import { differences, tally } from '../../scripts/demo/tally.ts';
import { createDemoWorld, demoCredentials, demoSecrets, type DemoWorld } from '../../scripts/demo/world.ts';
import { countObjects, runningSources, sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { type LocalStack, startLocalStack } from '../../scripts/stack/local-stack.ts';
import { freePorts } from '../../scripts/stack/process.ts';
import { maintenanceScheduleId } from '../../workers/maintenance-schedule.ts';
import { connectClient } from '../../workers/temporal.ts';
import { exportHistories, recordHistories } from '../support/histories.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A real Temporal server, a real S3 server, a worker process, and the simulated vendor. */
const dataDir = temporaryDirectory('e2e');
const rotatedSecret = join(dataDir, 'rotated-secret');
let ports: { temporal: number; ui: number; s3: number };
let stack: LocalStack;
let client: Client;
let world: DemoWorld;

async function start(): Promise<void> {
  stack = await startLocalStack({
    dataDir,
    persistent: true,
    s3Credentials: demoCredentials,
    ports,
    env: { ...demoSecrets(), ALLOW_PRIVATE_ENDPOINTS: '1' },
  });
  client = await connectClient(stack.config);
}

async function stop(): Promise<void> {
  await client.connection.close();
  await stack.close();
}

async function counted() {
  const lake = await openLakeReader(stack.config.lake);
  try {
    return await tally(lake);
  } finally {
    lake.close();
  }
}

/** What must not change when something is read again; the records of the ledger do. */
function rowsOf(entries: Awaited<ReturnType<typeof counted>>) {
  return entries.map(({ tenantId, table, rows, deadLetters }) => ({ tenantId, table, rows, deadLetters }));
}

async function eventually<T>(seconds: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within ${seconds} s: ${look.toString()}`);
    await sleep(300);
  }
}

beforeAll(async () => {
  const [temporal = 0, ui = 0, s3 = 0] = await freePorts(3);
  ports = { temporal, ui, s3 };
  await start();
  world = await createDemoWorld({ seed: 'e2e', s3Endpoint: stack.s3.endpoint, scale: 0.1 });
  writeFileSync(rotatedSecret, 'not the secret');
  writeFileSync(join(dataDir, 'rotated-principal'), String(demoSecrets()['ACME_TAP_PRINCIPAL']));
  const blocked = [
    '      tap-rotated:',
    '        kind: tap',
    `        principal: file:${join(dataDir, 'rotated-principal')}`,
    `        secret: file:${rotatedSecret}`,
    '        startFrom: -1h',
    `        baseUrl: ${world.tap.url}`,
  ].join('\n');
  const tenantsFile = join(dataDir, 'tenants.yaml');
  writeFileSync(tenantsFile, world.tenantsYaml.replace('  globex:', `${blocked}\n  globex:`));
  process.env['ALLOW_PRIVATE_ENDPOINTS'] = '1';
  await applyTenants(
    client,
    stack.config,
    await readTenantsFile(tenantsFile, { ...stack.config, allowPrivateEndpoints: true }),
    { dryRun: false },
  );
}, 120_000);

afterAll(async () => {
  await world.tap.close();
  await stop();
});

describe('two tenants, from their sources to the lake', { timeout: 180_000 }, () => {
  it('brings in everything exactly once', async () => {
    const exact = eventually(150, async () =>
      differences(await counted(), world.expected).length === 0 ? 'exact' : undefined,
    );
    await expect(exact).resolves.toBe('exact');
  });

  it('finds the source whose secret is wrong by its search attributes, and says what to do', async () => {
    const query = `TenantId = "acme" AND PipelineState = "blocked"`;
    const found = await eventually(30, async () => {
      const ids: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
      return ids.length > 0 ? ids : undefined;
    });
    expect(found).toEqual(['ingest/acme/tap-rotated']);
    const status = await sourceStatus(client, { tenantId: 'acme', sourceId: 'tap-rotated' });
    expect(status.lastError).toMatchObject({
      code: 'tap.unauthorized',
      remedy: expect.stringContaining('Connected Applications'),
    });
  });

  it("shows a source's state on its page in the Temporal UI", async () => {
    const metadata = await client.workflow
      .getHandle('ingest/acme/tap-rotated')
      .query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toContain('State: **blocked**');
    expect(metadata.currentDetails).toContain('tap.unauthorized');
    const healthy = await client.workflow
      .getHandle('ingest/acme/tap')
      .query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(healthy.currentDetails).toMatch(/State: \*\*idle\*\*[^]*Cursor: `20[^]*Lag: [^]*Next read: 20/);
  });

  it('goes on when the secret is right again and the source is resumed', async () => {
    writeFileSync(rotatedSecret, `${demoSecrets()['ACME_TAP_SECRET']}\n`);
    const name = { tenantId: 'acme', sourceId: 'tap-rotated' };
    await updateSource(client, name, 'resume');
    const status = await eventually(60, async () => {
      const now = await sourceStatus(client, name);
      return now.pipelineState === 'idle' ? now : undefined;
    });
    expect(status.consecutiveErrors).toBe(0);
    expect(status.lastError).toBeUndefined();
    // the same events as the other source of this credential brings: none of them twice
    expect(
      differences(
        (await counted()).map((entry) => ({ ...entry, records: expectedRecords(entry) ?? entry.records })),
        world.expected,
      ),
    ).toEqual([]);
  });

  it('pauses, refuses to poll while paused, and polls when asked', async () => {
    const name = { tenantId: 'globex', sourceId: 'sendmail' };
    expect(await updateSource(client, name, 'pause', { reason: 'a test' })).toMatchObject({
      pipelineState: 'paused',
      pauseReason: 'a test',
    });
    await expect(updateSource(client, name, 'pollNow')).rejects.toMatchObject({ code: 'source.refused' });
    await updateSource(client, name, 'resume');
    expect(await updateSource(client, name, 'pollNow')).toMatchObject({ pipelineState: 'idle' });
  });

  it('adds nothing when a source is set back to its start', async () => {
    const before = await counted();
    const name = { tenantId: 'globex', sourceId: 'sendmail' };
    await updateSource(client, name, 'setCursor', { cursor: '' });
    await updateSource(client, name, 'pollNow');
    await expect(
      updateSource(client, { tenantId: 'acme', sourceId: 'tap' }, 'setCursor', { cursor: 'yesterday' }),
    ).rejects.toMatchObject({ code: 'source.refused' });
    expect(rowsOf(await counted())).toEqual(rowsOf(before));
  });

  it('tries a source on a worker and says what fails', async () => {
    const tap = await sourceStatus(client, { tenantId: 'acme', sourceId: 'tap' });
    expect(await testSource(client, stack.config, tap)).toEqual([
      { name: 'secrets', ok: true, message: expect.stringContaining('env:ACME_TAP_SECRET') },
      { name: 'read a window', ok: true, message: expect.stringMatching(/^\d+ events in the minute .*clocks agree$/) },
    ]);
    const filter = await sourceStatus(client, { tenantId: 'acme', sourceId: 'filter' });
    const filterChecks = await testSource(client, stack.config, filter);
    expect(filterChecks.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'failed'}`)).toEqual([
      'credentials ok',
      'list the prefix ok',
      'get the newest object ok',
      'decrypt it ok',
      'recognize its records ok',
    ]);
    expect(filterChecks.at(-1)?.message).toContain('are rows of proofpoint_gateway_filter_logs');
    const broken = async (change: object) => {
      const checks = await testSource(client, stack.config, {
        ...filter,
        settings: { ...filter.settings, ...change },
      });
      return checks.at(-1);
    };
    expect(await broken({ bucket: 'no-such-bucket' })).toMatchObject({
      ok: false,
      message: expect.stringContaining('no-such-bucket'),
      remedy: expect.stringContaining('bucket'),
    });
    expect(await broken({ prefix: 'no-such-prefix/' })).toMatchObject({
      ok: true,
      message: 'nothing there yet below s3://acme-logs/no-such-prefix/',
    });
    expect(await broken({ accessKeyId: 'env:NOT_SET_ANYWHERE' })).toMatchObject({
      ok: false,
      message: expect.stringContaining('env:NOT_SET_ANYWHERE'),
    });
    expect(await broken({ secretAccessKey: 'env:ACME_TAP_SECRET' })).toMatchObject({
      ok: false,
      remedy: expect.stringContaining('access key'),
    });
  });

  it('reads a time again on request, and adds nothing', async () => {
    const before = rowsOf(await counted());
    const filter = await sourceStatus(client, { tenantId: 'acme', sourceId: 'filter' });
    const tap = await sourceStatus(client, { tenantId: 'acme', sourceId: 'tap' });
    if (filter.settings.kind !== 's3' || tap.settings.kind !== 'tap') throw new Error('the demo has other sources');
    const s3Source = { ...filter, settings: filter.settings };
    const tapSource = { ...tap, settings: tap.settings };
    const day = { fromMs: Date.now() - 86_400_000, toMs: Date.now() };
    const { objects, alreadyLoaded } = await countObjects(client, stack.config, s3Source, day, 'modified');
    expect(alreadyLoaded).toBe(objects);
    const objectsAgain = await startS3Backfill(client, stack.config, s3Source, {
      ...day,
      by: 'modified',
      unitsTotal: objects,
    });
    const hours = { fromMs: world.fromMs + 3_600_000, toMs: world.fromMs + 4 * 3_600_000 };
    const windowsAgain = await startTapBackfill(client, stack.config, tapSource, { ...hours, intervals: [hours] });
    const results = await Promise.all(
      [objectsAgain, windowsAgain].map(({ workflowId }) => client.workflow.getHandle(workflowId).result()),
    );
    expect(results).toEqual([
      expect.objectContaining({ done: objects, failed: [] }),
      expect.objectContaining({ done: 3, failed: [], totals: expect.objectContaining({ rowsAdded: 0 }) }),
    ]);
    expect(rowsOf(await counted())).toEqual(before);
  });

  it('maintains the lake by a schedule that its workers make, and adds no row', async () => {
    const before = await counted();
    const schedule = client.schedule.getHandle(maintenanceScheduleId(stack.config.temporal.taskQueue));
    await schedule.trigger();
    const { workflowId } = await eventually(30, async () => {
      const { action } = (await schedule.describe()).info.recentActions.at(-1) ?? {};
      return action?.type === 'startWorkflow' ? action.workflow : undefined;
    });
    const { merged, filesDeleted }: Maintained = await client.workflow.getHandle(workflowId).result();
    expect(merged.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['batches', 'proofpoint_tap_messages_delivered']),
    );
    expect(filesDeleted).toBe(0);
    expect(await counted()).toEqual(before);
  });

  it('keeps secrets and events out of every history', async () => {
    const histories = await exportHistories(client, stack.temporal.address);
    if (process.env['RECORD_HISTORIES'] === '1') recordHistories(histories);
    expect(new Set(histories.map(({ workflowType }) => workflowType))).toEqual(
      new Set(['tapSource', 's3Source', 'checkSource', 'countObjects', 's3Backfill', 'tapBackfill', 'lakeMaintenance']),
    );
    const lake = await openLakeReader(stack.config.lake);
    const { rows } = await lake.query(`
      SELECT DISTINCT unnest([guid, subject, sender_ip, message_id, envelope_from]) AS value FROM proofpoint_tap_messages_blocked
      UNION SELECT DISTINCT unnest([helo, sid, value, hdr_mid]) FROM proofpoint_gateway_filter_logs`);
    lake.close();
    const values = rows
      .map(({ value }) => value)
      .filter((value): value is string => typeof value === 'string' && value.length >= 8);
    expect(values.length).toBeGreaterThan(500);
    const secrets = Object.values(demoSecrets()).filter((value) => value !== 'demo');
    const text = histories.map(({ readable }) => readable).join('\n');
    // the search must be able to find: the settings are in there, with the references
    expect(text).toContain('env:ACME_TAP_SECRET');
    expect([...secrets, ...values].filter((value) => text.includes(value))).toEqual([]);
  });

  it('goes on from its cursors after a restart of everything, and adds no row', async () => {
    const before = await counted();
    const cursors = async () => {
      const statuses = await Promise.all((await runningSources(client)).map((source) => sourceStatus(client, source)));
      return new Map(statuses.map((status) => [`${status.tenantId}/${status.sourceId}`, status]));
    };
    const atStop = await cursors();
    await stop();
    await start();
    await eventually(60, async () => {
      const now = await cursors();
      return now.size === atStop.size ? now : undefined;
    });
    for (const source of await runningSources(client)) await updateSource(client, source, 'pollNow');
    for (const [name, status] of await cursors()) {
      expect(status.cursor >= (atStop.get(name)?.cursor ?? '')).toBe(true);
      expect(status.totals.batches).toBeGreaterThanOrEqual(atStop.get(name)?.totals.batches ?? 0);
    }
    expect(rowsOf(await counted())).toEqual(rowsOf(before));
  });

  it('leaves no unfinished download behind', () => {
    const spill = stack.config.lake.spillDirectory;
    const files = existsSync(spill) ? readdirSync(spill, { recursive: true, encoding: 'utf8' }) : [];
    expect(files.filter((name) => name.endsWith('.gz'))).toEqual([]);
  });

  it('logs no secret', () => {
    const log = readFileSync(join(dataDir, 'logs/worker.log'), 'utf8');
    expect(Object.values(demoSecrets()).filter((value) => value !== 'demo' && log.includes(value))).toEqual([]);
  });
});

/** Two sources with one credential read each window twice: the ledger counts the records of both. */
function expectedRecords({ tenantId, table }: { tenantId: string; table: string }): number | undefined {
  if (tenantId !== 'acme' || !table.startsWith('proofpoint_tap_')) return undefined;
  return world.expected.find((entry) => entry.tenantId === tenantId && entry.table === table)?.records;
}
