/** Two virtual days of four tenants against a TAP API with all its bad manners, and what of its truth the lake holds in the end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLakeReader } from '../../lake/reader.ts';
import { sourceStatus } from '../../scripts/source-registry.ts';
import { seeded } from '../../simulator/random.ts';
import type { TapRequest } from '../../simulator/tap/account.ts';
import type { TapEvent } from '../../simulator/tap/events.ts';
import { startTapSimulator, type TapSimulator } from '../../simulator/tap/server.ts';
import { tableNames } from '../../tables/table.ts';
import { canonicalJson } from '../support/canonical.ts';
import { sqliteLake } from '../support/lake.ts';
import { createCopy, hurriedMs, hurry, mutations, removeMutant } from '../support/mutant.ts';
import { type Product, startProduct } from '../support/product.ts';

const hourMs = 3_600_000;
const hours = 48;
/** Virtual seconds for each real one. */
const speed = 900;
const kills = 4;
/** A slow machine reads many hours late at this speed. The last pass, and with it the vendor, is as late as that can be. */
const lastSettleHours = hours;
/** After the two days time leaps ahead by so many hours: the last pass is due for every hour then. */
const leapHours = lastSettleHours + 1;

/** `control` reads each window once: what it misses is what the vendor indexed late. */
const tenants = ['acme', 'globex', 'initech', 'control'] as const;

export interface SoakOutcome {
  /** Events of the vendor's truth that the lake lacks, by tenant. */
  readonly missing: Readonly<Record<string, number>>;
  /** Of the first of them, where there are to be none: when it was created and indexed, and when the vendor was asked for its time. */
  readonly stories: Readonly<Record<string, string>>;
  /** What was recorded as lost: nothing is that young. */
  readonly gaps: readonly string[];
  /** Rows that are no event of the truth, or one of it again, by tenant. */
  readonly surplus: Readonly<Record<string, number>>;
  readonly events: number;
  /** Most requests in any rolling 24 hours, of the tenant with the most. */
  readonly requestsPerDayMax: number;
  /** Shortest and longest window that the vendor served, seconds. */
  readonly windowSeconds: readonly [number, number];
  readonly faultsMet: ReadonlySet<string>;
}

export async function runSoak(seed: string, directory: string): Promise<SoakOutcome> {
  const originMs = Date.now();
  const startMs = Math.floor(originMs / hourMs) * hourMs;
  const endMs = startMs + hours * hourMs;
  // a slow machine is still reading after the leap: at the old speed the vendor's seven days would be over soon
  const hurried = { originMs, speed, untilMs: endMs, leapMs: leapHours * hourMs };
  const clock = { nowMs: () => hurriedMs(hurried) };
  const dataDir = join(directory, seed);
  const simulator = await startTapSimulator({
    seed,
    clock,
    gzip: true,
    retryAfter: seeded(seed).chance(0.5),
    accounts: tenants.map((tenant) => ({
      principal: tenant,
      secret: `${tenant} secret`,
      startMs,
      endMs,
      eventsPerHour: 40,
      rhythm: 'steady',
      lateShare: 0.5,
      // later than the real vendor, so that the first reads of slow machines miss some as well, and no later than the last pass finds
      lateMaxMs: lastSettleHours * hourMs,
      faults: { rates: faultRates },
    })),
  });
  const root = createCopy(`soak-${seed}`, [...hurry(hurried), ...mutations.impatient]);
  const product = await startProduct({ root, dataDir, lake: sqliteLake(dataDir), env: principals() });
  try {
    for (const tenant of tenants) writeFileSync(secretFile(dataDir, tenant), `${tenant} secret`);
    await product.applyTenants(tenantsYaml({ simulator, dataDir, startMs }));
    await torment({ product, simulator, dataDir, clock, startMs, seed });
    await caughtUp(product, endMs);
    return await compare(dataDir, simulator);
  } finally {
    await product.close();
    await simulator.close();
    removeMutant(root);
  }
}

const faultRates = {
  throttled: 0.02,
  server_error: 0.03,
  bad_gateway: 0.02,
  hang: 0.01,
  reset: 0.02,
  truncated: 0.02,
  cut: 0.02,
  wrong_type: 0.02,
  colon_key: 0.1,
  no_query_end_time: 0.1,
};

const principals = () => Object.fromEntries(tenants.map((tenant) => [`${tenant.toUpperCase()}_PRINCIPAL`, tenant]));
const secretFile = (dataDir: string, tenant: string) => join(dataDir, `${tenant}-secret`);

function tenantsYaml({
  simulator,
  dataDir,
  startMs,
}: {
  simulator: TapSimulator;
  dataDir: string;
  startMs: number;
}): string {
  const lines = tenants.flatMap((tenant) => [
    `  ${tenant}:`,
    '    sources:',
    '      tap:',
    '        kind: tap',
    `        principal: env:${tenant.toUpperCase()}_PRINCIPAL`,
    `        secret: file:${secretFile(dataDir, tenant)}`,
    `        startFrom: ${new Date(startMs).toISOString()}`,
    '        every: 30m',
    `        settle: ${tenant === 'control' ? '[]' : `[35m, ${lastSettleHours}h]`}`,
    `        baseUrl: ${simulator.url}`,
  ]);
  return `tenants:\n${lines.join('\n')}\n`;
}

interface Torment {
  readonly product: Product;
  readonly simulator: TapSimulator;
  readonly dataDir: string;
  readonly clock: { nowMs(): number };
  readonly startMs: number;
  readonly seed: string;
}

/**
 * Kills workers now and then, the last time when two more days pass at once, as in an outage; once the vendor changes a secret and its owner follows
 * half a virtual hour later.
 */
async function torment({ product, simulator, dataDir, clock, startMs, seed }: Torment): Promise<void> {
  const random = seeded(seed, 'torment');
  const moments = Array.from({ length: kills }, () => startMs + random.int(2, hours - 4) * hourMs);
  const rotation = startMs + 20 * hourMs;
  for (const momentMs of [...moments, rotation, startMs + hours * hourMs].sort((a, b) => a - b)) {
    await sleep(Math.max(0, (momentMs - clock.nowMs()) / speed));
    if (momentMs !== rotation) {
      await product.replaceWorker();
      continue;
    }
    simulator.account('acme').setSecret('acme', 'acme rotated');
    await sleep((hourMs / 2 / speed) * 2);
    writeFileSync(secretFile(dataDir, 'acme'), 'acme rotated');
  }
}

async function caughtUp({ client }: Product, endMs: number): Promise<void> {
  const deadlineMs = performance.now() + 1_200_000;
  for (const tenantId of tenants) {
    for (;;) {
      const status = await sourceStatus(client, { tenantId, sourceId: 'tap' }).catch(() => undefined);
      const passes = status?.settings.kind === 'tap' ? status.settings.settle.length : 0;
      const settled = Object.values(status?.tap?.settled ?? {});
      const done = settled.length >= passes && settled.every((time) => Date.parse(time) >= endMs);
      if (status !== undefined && done && Date.parse(status.cursor) >= endMs) break;
      if (performance.now() > deadlineMs) throw new Error(`${tenantId} did not catch up: ${JSON.stringify(status)}`);
      await sleep(500);
    }
  }
}

async function compare(dataDir: string, simulator: TapSimulator): Promise<SoakOutcome> {
  const lake = await openLakeReader(sqliteLake(dataDir));
  const [missing, surplus]: [Record<string, number>, Record<string, number>] = [{}, {}];
  const stories: Record<string, string> = {};
  const gaps: string[] = [];
  let events = 0;
  try {
    const lost = await lake.query(`SELECT batch_id FROM batches WHERE pass = 'lost'`);
    gaps.push(...lost.rows.map(({ batch_id }) => String(batch_id)));
    for (const tenant of tenants) {
      const account = simulator.account(tenant);
      const wanted = new Map(account.truth().map((event) => [canonicalJson(JSON.stringify(event.record)), event]));
      const { rows } = await lake.query(
        tableNames
          .filter((table) => table.startsWith('proofpoint_tap_'))
          .map((table) => `SELECT raw FROM ${table} WHERE tenant_id = '${tenant}'`)
          .join(' UNION ALL '),
      );
      const held = new Set(rows.map(({ raw }) => canonicalJson(String(raw))));
      events += wanted.size;
      const absent = [...wanted].flatMap(([record, event]) => (held.has(record) ? [] : [event]));
      missing[tenant] = absent.length;
      const [first] = absent;
      if (first !== undefined && tenant !== 'control') stories[tenant] = storyOf(first, account.requests);
      surplus[tenant] = rows.length - [...held].filter((event) => wanted.has(event)).length;
    }
  } finally {
    lake.close();
  }
  const requests = tenants.map((tenant) => simulator.account(tenant).requests);
  const served = requests
    .flat()
    .flatMap(({ fromMs, toMs }) => (fromMs === undefined || toMs === undefined ? [] : [(toMs - fromMs) / 1000]));
  return {
    missing,
    stories,
    gaps,
    surplus,
    events,
    requestsPerDayMax: Math.max(...requests.map(mostInADay)),
    windowSeconds: [Math.min(...served), Math.max(...served)],
    faultsMet: new Set(requests.flat().flatMap(({ fault }) => fault ?? [])),
  };
}

function storyOf({ array, createdAtMs, indexedAtMs }: TapEvent, requests: readonly TapRequest[]): string {
  const time = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  const asked = requests
    .filter(({ fromMs = Infinity, toMs = 0 }) => fromMs <= createdAtMs && createdAtMs < toMs)
    .map(({ atMs, fault, fromMs = 0, toMs = 0 }) => `${time(atMs)} for ${time(fromMs)}/${time(toMs)} ${fault ?? ''}`);
  return `${array}: created ${time(createdAtMs)}, indexed ${time(indexedAtMs)}; asked at ${asked.join(', at ')}`;
}

function mostInADay(requests: readonly TapRequest[]): number {
  const times = requests.map(({ atMs }) => atMs).sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (const [index, time] of times.entries()) {
    while ((times[first] ?? 0) <= time - 24 * hourMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
