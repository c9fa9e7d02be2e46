/** One run of the whole product under an adversary that kills or freezes its workers, and what the lake holds in the end. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import connect, { type Sql } from 'postgres';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { tally } from '../../scripts/demo/tally.ts';
import { demoSecrets, type DemoWorld } from '../../scripts/demo/world.ts';
import { runningSources, sourceStatus } from '../../scripts/source-registry.ts';
import { canonicalJson } from '../support/canonical.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { type Product, startProduct } from '../support/product.ts';

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
const frozenMs = 12_000;

/** What differs between the lake and what went in, in words: nothing when all is there exactly once. */
export async function runScenario(scenario: Scenario): Promise<string[]> {
  const { name, root, world, postgres, blows, random } = scenario;
  const dataDir = join(scenario.directory, name);
  const { settings, database } = await createPostgresLake(postgres, dataDir);
  const product = await startProduct({ root, dataDir, lake: settings, env: demoSecrets() });
  const catalog = connect({ host: postgres.host, port: postgres.port, user: postgres.user, database });
  try {
    await product.applyTenants(world.tenantsYaml);
    for (const blow of blows) await strike(product, catalog, blow, random);
    await settled(product);
    const lake = await openLakeReader(settings);
    try {
      return await compare(lake, world);
    } finally {
      lake.close();
    }
  } finally {
    await product.close();
    await catalog.end();
  }
}

async function strike(product: Product, catalog: Sql, blow: Blow, random: () => number): Promise<void> {
  if (blow === 'freeze-in-commit') {
    await momentOf(() => inTransaction(catalog));
    const { pid } = product.worker();
    process.kill(pid, 'SIGSTOP');
    await product.addWorker();
    await sleep(frozenMs);
    process.kill(pid, 'SIGCONT');
    return;
  }
  if (blow === 'kill') await sleep(200 + random() * 2500);
  else {
    const before = await newestSnapshot(catalog);
    await momentOf(async () => (await newestSnapshot(catalog)) > before);
  }
  await product.replaceWorker();
}

async function newestSnapshot(catalog: Sql): Promise<number> {
  // the tables come with the first worker
  const rows = await catalog`SELECT max(snapshot_id)::INTEGER AS newest FROM ducklake_snapshot`.catch(() => []);
  return Number(rows[0]?.['newest'] ?? -1);
}

/** Questions to the ledger, also of a thousand batches, are over sooner: a transaction that has been open for so long is a commit. */
async function inTransaction(catalog: Sql): Promise<boolean> {
  const rows = await catalog`
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IN ('active', 'idle in transaction')
      AND xact_start < clock_timestamp() - interval '300 ms'`;
  return rows.length > 0;
}

/** Looks every few milliseconds; gives up after a while, so that an adversary with nothing left to hit goes on. */
async function momentOf(look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs && !(await look())) await sleep(2);
}

async function settled({ client }: Product): Promise<void> {
  const deadlineMs = performance.now() + 180_000;
  for (let times = 0; times < 3;) {
    const sources = await runningSources(client);
    const statuses = await Promise.all(sources.map((source) => sourceStatus(client, source).catch(() => undefined)));
    const idle = statuses.length > 0 && statuses.every((status) => status?.pipelineState === 'idle');
    times = idle ? times + 1 : 0;
    if (performance.now() > deadlineMs) throw new Error('the sources did not catch up within 180 s');
    await sleep(500);
  }
}

/** Row for row: every record that went in against every row and dead letter, and the ledger against itself. */
async function compare(lake: LakeReader, world: DemoWorld): Promise<string[]> {
  const found: string[] = [];
  for (const { tenantId, table, texts } of world.expected) {
    const canonical = table.startsWith('proofpoint_tap_') ? canonicalJson : (text: string) => text;
    const { rows } = await lake.query(`
      SELECT raw FROM ${table} WHERE tenant_id = '${tenantId}'
      UNION ALL SELECT decode(raw) FROM dead_letters WHERE tenant_id = '${tenantId}' AND table_name = '${table}'`);
    const held = rows.map(({ raw }) => canonical(String(raw))).sort();
    const wanted = texts.map(canonical).sort();
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
