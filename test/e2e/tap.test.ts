import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLakeReader } from '../../lake/reader.ts';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { startTapSimulator, type TapSimulator } from '../../simulator/tap/server.ts';
import { isoSeconds } from '../../sources/batch.ts';
import { horizonMs } from '../../sources/tap/plan.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { sqliteLake } from '../support/lake.ts';
import { projectRoot } from '../support/mutant.ts';
import { type Product, startProduct } from '../support/product.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const hourMs = 3_600_000;
const startMs = Date.now() - 8 * 24 * hourMs;
/** End of an hour with more events than most tenants have in a week. */
const burst = Math.floor(Date.now() / hourMs) * hourMs - hourMs;
const account = { secret: 'open', endMs: Date.now() - 40 * 60_000, rhythm: 'steady' } as const;
const dataDir = temporaryDirectory('tap');
const lake = sqliteLake(dataDir);
const name = { tenantId: 'acme', sourceId: 'tap' };
let simulator: TapSimulator;
let product: Product;

beforeAll(async () => {
  simulator = await startTapSimulator({
    seed: 'outage',
    accounts: [
      ...['acme', 'globex'].map((principal) => ({ principal, startMs, eventsPerHour: 6, ...account })),
      { principal: 'initech', startMs: burst - hourMs, eventsPerHour: 11_000, ...account, endMs: burst },
    ],
  });
  product = await startProduct({
    root: projectRoot,
    dataDir,
    lake,
    env: { ACME: 'acme', GLOBEX: 'globex', INITECH: 'initech', SECRET: 'open' },
  });
  await product.applyTenants(tenantsYaml({ acme: new Date(startMs).toISOString() }));
}, 120_000);

/** One TAP source a tenant, each from its time on. */
function tenantsYaml(startFrom: Readonly<Record<string, string>>): string {
  const tenants = Object.entries({ acme: new Date(startMs).toISOString(), ...startFrom }).map(
    ([tenantId, time]) => `
  ${tenantId}:
    sources:
      tap:
        kind: tap
        principal: env:${tenantId.toUpperCase()}
        secret: env:SECRET
        startFrom: ${time}
        baseUrl: ${simulator.url}`,
  );
  return `tenants:${tenants.join('')}\n`;
}

afterAll(async () => {
  await product.close();
  await simulator.close();
});

/** `ppi … --json`, its lines parsed. */
async function ppi(...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(projectRoot, 'scripts/ppi.ts'), ...args, '--json'],
    {
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: product.config.temporal.address,
        DATA_DIR: dataDir,
        LAKE_CATALOG: lake.catalog,
        LAKE_DATA: lake.dataPath,
      },
    },
  );
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function until(holds: (status: SourceStatus) => boolean): Promise<SourceStatus> {
  for (;;) {
    const status = await sourceStatus(product.client, name);
    if (holds(status)) return status;
    await sleep(250);
  }
}

async function countRows(tenantId = 'acme'): Promise<number> {
  const reader = await openLakeReader(lake);
  try {
    const { rows } = await reader.query(
      ['messages_delivered', 'messages_blocked', 'clicks_permitted', 'clicks_blocked']
        .map((table) => `SELECT count(*)::INTEGER AS n FROM proofpoint_tap_${table} WHERE tenant_id = '${tenantId}'`)
        .join(' UNION ALL '),
    );
    return rows.reduce((sum, { n }) => sum + Number(n), 0);
  } finally {
    reader.close();
  }
}

const range = (fromMs: number, toMs: number) => [
  '--tenant',
  'acme',
  '--source',
  'tap',
  '--from',
  new Date(fromMs).toISOString(),
  '--to',
  new Date(toMs).toISOString(),
];
const dayStart = Math.floor((Date.now() - 3 * 24 * hourMs) / hourMs) * hourMs;

describe('a TAP source that was away for eight days', { timeout: 240_000 }, () => {
  it('records the day that is lost, brings the other seven, and is healthy', async () => {
    const status = await until(({ pipelineState }) => pipelineState === 'idle');
    expect(status.lastError).toBeUndefined();
    const oldestMs = Date.now() - horizonMs;
    const events = simulator.account('acme').truth();
    const kept = events.filter(({ createdAtMs }) => createdAtMs >= oldestMs + 5 * 60_000).length;
    const reachable = events.filter(({ createdAtMs }) => createdAtMs >= oldestMs - 5 * 60_000).length;
    const rows = await countRows();
    expect(rows).toBeGreaterThanOrEqual(kept);
    expect(rows).toBeLessThanOrEqual(reachable);
    expect(kept).toBeGreaterThan(900);
  });

  it('shows in its coverage what was read, how often, and what was lost', async () => {
    const intervals = await ppi('coverage', '--tenant', 'acme', '--source', 'tap');
    expect(intervals.map(({ state }) => state)).toEqual(['lost', 'settled', 'settled', 'read', 'unread']);
    expect(intervals.map(({ passes }) => passes)).toEqual([0, 2, 1, 0, 0]);
    const lostMs = Date.parse(String(intervals[0]?.['to'])) - Date.parse(String(intervals[0]?.['from']));
    expect(lostMs / hourMs).toBeGreaterThan(24);
    expect(lostMs / hourMs).toBeLessThan(24.5);
    expect(await ppi('gaps', 'list')).toEqual([
      expect.objectContaining({ tenantId: 'acme', state: 'lost', fillable: false }),
    ]);
    expect(await ppi('gaps', 'fill')).toEqual([]);
  });

  it('plans a backfill of what is covered as nothing, and with --force reads it again without adding a row', async () => {
    const before = await countRows();
    const day = range(dayStart, dayStart + 24 * hourMs);
    expect(await ppi('backfill', 'plan', ...day)).toEqual([
      expect.objectContaining({ windows: 0, alreadyRead: 24, requests: 0 }),
    ]);
    await expect(ppi('backfill', 'start', ...day)).rejects.toMatchObject({ code: 2 });
    const [plan] = await ppi('backfill', 'plan', ...day, '--force');
    expect(plan).toMatchObject({ windows: 24, alreadyRead: 0, requests: 24, quotaShare: 0.017 });
    await ppi('backfill', 'start', ...day, '--force');
    const done = await finished();
    expect(done).toMatchObject({ done: 24, failed: [], totals: { batches: 24, rowsAdded: 0 } });
    expect((done['totals'] as { records: number }).records).toBeGreaterThan(100);
    expect(await countRows()).toBe(before);
  });

  // While it is paused: a source that runs settles the hours that it jumped over by itself.
  it('finds the time that a moved cursor jumped over, and fills it', async () => {
    const jumped = { tenantId: 'globex', sourceId: 'tap' };
    await product.applyTenants(tenantsYaml({ globex: new Date(Date.now() - 24 * hourMs).toISOString() }));
    await updateSource(product.client, jumped, 'pause', { reason: 'the cursor is about to be moved' });
    await updateSource(product.client, jumped, 'setCursor', {
      cursor: isoSeconds(Math.floor((Date.now() - 2 * hourMs) / 60_000) * 60_000),
    });
    const gaps = await ppi('gaps', 'list', '--tenant', 'globex');
    expect(gaps).toEqual([expect.objectContaining({ state: 'unread', fillable: true })]);
    const [filling] = await ppi('gaps', 'fill', '--tenant', 'globex');
    expect(filling).toMatchObject({ tenantId: 'globex', from: gaps[0]?.['from'], to: gaps[0]?.['to'] });
    expect(await finished()).toMatchObject({ tenantId: 'globex', failed: [] });
    expect(await ppi('gaps', 'list', '--tenant', 'globex')).toEqual([]);
    expect(await ppi('gaps', 'fill', '--tenant', 'globex')).toEqual([]);
    await updateSource(product.client, jumped, 'resume');
  });

  it('brings a window of more than ten thousand events', async () => {
    await product.applyTenants(tenantsYaml({ initech: new Date(burst - hourMs).toISOString() }));
    const initech = { tenantId: 'initech', sourceId: 'tap' };
    for (;;) {
      const status = await sourceStatus(product.client, initech);
      if (status.pipelineState === 'idle') break;
      await sleep(250);
    }
    const truth = simulator.account('initech').truth().length;
    expect(truth).toBeGreaterThan(10_000);
    expect(await countRows('initech')).toBe(truth);
  });

  it('never asked for more than the vendor allows', () => {
    for (const principal of ['acme', 'globex', 'initech']) {
      const { requests } = simulator.account(principal);
      expect(requests.length).toBeLessThan(1800);
      const spans = requests.flatMap(({ fromMs, toMs }) =>
        fromMs === undefined || toMs === undefined ? [] : [toMs - fromMs],
      );
      expect(Math.min(...spans)).toBeGreaterThanOrEqual(30_000);
      expect(Math.max(...spans)).toBeLessThanOrEqual(hourMs);
      expect(requests.every(({ status: code }) => code === 200)).toBe(true);
    }
  });

  async function finished(): Promise<Record<string, unknown>> {
    for (;;) {
      const [newest] = await ppi('backfill', 'status');
      if (newest?.['execution'] === 'completed') return newest;
      await sleep(500);
    }
  }
});
