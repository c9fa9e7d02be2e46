/** One run of the whole product under an adversary that kills or freezes its workers, and what the lake holds in the end. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import connect, { type Sql } from 'postgres';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { applyTenants, readTenantsFile } from '../../scripts/commands/tenants.ts';
import { tally } from '../../scripts/demo/tally.ts';
import { demoSecrets, type DemoWorld } from '../../scripts/demo/world.ts';
import { runningSources, sourceStatus } from '../../scripts/source-registry.ts';
import type { Running } from '../../scripts/stack/process.ts';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { startWorkerProcess } from '../../scripts/stack/worker-process.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import { readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import type { PostgresServer } from '../support/postgres-server.ts';

/**
 * `kill` at a random moment · `kill-after-commit` as soon as a commit shows in the catalog, before Temporal hears of it ·
 * `freeze-in-commit` inside a transaction, until another worker has had the time to load the same batches
 */
export type Blow = 'kill' | 'kill-after-commit' | 'freeze-in-commit';

export interface Scenario {
  readonly name: string;
  /** Root of the copy of the product that is run. */
  readonly root: string;
  readonly world: DemoWorld;
  readonly postgres: PostgresServer;
  readonly directory: string;
  readonly blows: readonly Blow[];
  readonly random: () => number;
}

/** Frozen this long, a worker's activities have timed out and run elsewhere. */
const frozenMs = 8000;

/** What differs between the lake and what went in, in words: nothing when all is there exactly once. */
export async function runScenario({
  name,
  root,
  world,
  postgres,
  directory,
  blows,
  random,
}: Scenario): Promise<string[]> {
  const dataDir = join(directory, name);
  mkdirSync(dataDir);
  const { settings, database } = await createPostgresLake(postgres, dataDir);
  const temporal = await startTemporalServer({ logFile: join(dataDir, 'temporal.log'), uiPort: 'none' });
  const env = {
    ...demoSecrets(),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    DATA_DIR: dataDir,
    LAKE_CATALOG: settings.catalog,
    LAKE_DATA: settings.dataPath,
    DUCKDB_EXTENSIONS: settings.extensionDirectory,
    ALLOW_PRIVATE_ENDPOINTS: '1',
  };
  const config = readConfig({ ...process.env, ...env });
  const workers = new Set<Running>();
  const addWorker = async () => {
    const worker = await startWorkerProcess({
      env,
      root,
      taskQueue: config.temporal.taskQueue,
      logFile: join(dataDir, 'worker.log'),
    });
    workers.add(worker);
    return worker;
  };
  const catalog = connect({ host: postgres.host, port: postgres.port, user: postgres.user, database });
  const client = await connectClient(config);
  try {
    let worker = await addWorker();
    const tenantsFile = join(dataDir, 'tenants.yaml');
    writeFileSync(tenantsFile, world.tenantsYaml);
    await applyTenants(client, config, await readTenantsFile(tenantsFile, config), { dryRun: false });
    for (const blow of blows) {
      if (blow === 'freeze-in-commit') {
        await momentOf(() => inTransaction(catalog));
        process.kill(worker.pid, 'SIGSTOP');
        const frozen = worker;
        worker = await addWorker();
        await sleep(frozenMs);
        process.kill(frozen.pid, 'SIGCONT');
        continue;
      }
      if (blow === 'kill') await sleep(200 + random() * 2500);
      else {
        const before = await snapshots(catalog);
        await momentOf(async () => (await snapshots(catalog)) > before);
      }
      process.kill(worker.pid, 'SIGKILL');
      await worker.exited;
      workers.delete(worker);
      worker = await addWorker();
    }
    await settled(async () => {
      const statuses = await Promise.all(
        (await runningSources(client)).map((source) => sourceStatus(client, source).catch(() => undefined)),
      );
      return statuses.length > 0 && statuses.every((status) => status?.pipelineState === 'idle');
    });
    const lake = await openLakeReader(settings);
    try {
      return await compare(lake, world);
    } finally {
      lake.close();
    }
  } finally {
    await Promise.all(Array.from(workers, (worker) => worker.close()));
    await client.connection.close();
    await catalog.end();
    await temporal.close();
  }
}

async function snapshots(catalog: Sql): Promise<number> {
  // the tables come with the first worker
  const rows = await catalog`SELECT max(snapshot_id)::INTEGER AS newest FROM ducklake_snapshot`.catch(() => []);
  return Number(rows[0]?.['newest'] ?? -1);
}

async function inTransaction(catalog: Sql): Promise<boolean> {
  const rows = await catalog`
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IN ('active', 'idle in transaction') AND xact_start < clock_timestamp() - interval '30 ms'`;
  return rows.length > 0;
}

/** Looks every few milliseconds; gives up after a while, so that an adversary with nothing left to hit goes on. */
async function momentOf(look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs && !(await look())) await sleep(2);
}

async function settled(look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 180_000;
  for (let times = 0; times < 3;) {
    times = (await look()) ? times + 1 : 0;
    if (performance.now() > deadlineMs) throw new Error('the sources did not catch up within 180 s');
    await sleep(500);
  }
}

/** Row for row: every record that went in against every row and dead letter, and the ledger against itself. */
async function compare(lake: LakeReader, world: DemoWorld): Promise<string[]> {
  const found: string[] = [];
  for (const { tenantId, table, texts } of world.expected) {
    const { rows } = await lake.query(`
      SELECT raw FROM ${table} WHERE tenant_id = '${tenantId}'
      UNION ALL SELECT decode(raw) FROM dead_letters WHERE tenant_id = '${tenantId}' AND table_name = '${table}'`);
    const held = rows.map(({ raw }) => canonical(table, String(raw))).sort();
    const wanted = texts.map((text) => canonical(table, text)).sort();
    if (held.length !== wanted.length || held.some((text, index) => text !== wanted[index])) {
      found.push(
        `${tenantId} ${table}: ${held.length} rows and dead letters, ${new Set(held).size} different ones; ${wanted.length} went in`,
      );
    }
  }
  const { rows: twice } = await lake.query('SELECT batch_id FROM batches GROUP BY batch_id HAVING count(*) > 1');
  if (twice.length > 0) found.push(`${twice.length} batches stand in the ledger more than once`);
  const known = new Set(world.expected.map(({ tenantId, table }) => `${tenantId} ${table}`));
  for (const { tenantId, table, rows } of await tally(lake)) {
    if (rows > 0 && !known.has(`${tenantId} ${table}`))
      found.push(`${tenantId} ${table}: ${rows} rows that nobody put in`);
  }
  return found;
}

const tapTables = new Set<TableName>(tableNames.filter((table) => table.startsWith('proofpoint_tap_')));

/** The vendor sends keys and message parts in another order each time. */
function canonical(table: TableName, text: string): string {
  return tapTables.has(table) ? JSON.stringify(ordered(JSON.parse(text))) : text;
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => JSON.stringify(ordered(item))).sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, ordered(item)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
