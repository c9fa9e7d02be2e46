/** One run of the whole product under an adversary that kills or freezes its workers, and what the lake holds in the end. */
import { readdir } from 'node:fs/promises';
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
  /** The copy lacks a safeguard: once the ledger shows it, no further blow can show more. */
  readonly isMutant: boolean;
  readonly random: () => number;
}

/** Frozen this long, a worker's activities have timed out and run elsewhere. */
const frozenMs = 12_000;

/** What differs between the lake and what went in, in words: nothing when all is there exactly once. */
export async function runScenario(scenario: Scenario): Promise<string[]> {
  const { name, root, world, postgres, blows, isMutant, random } = scenario;
  const dataDir = join(scenario.directory, name);
  const { settings, database } = await createPostgresLake(postgres, dataDir);
  const product = await startProduct({ root, dataDir, lake: settings, env: demoSecrets() });
  const catalog = connect({ host: postgres.host, port: postgres.port, user: postgres.user, database });
  try {
    await product.applyTenants(world.tenantsYaml);
    const lake = await openLakeReader(settings);
    try {
      for (const blow of blows) {
        await strike({ product, catalog, dataPath: settings.dataPath, blow, random });
        const found = isMutant ? await soonTwice(lake) : [];
        if (found.length > 0) return found;
      }
      await settled(product);
      return await compare(lake, world);
    } finally {
      lake.close();
    }
  } finally {
    await product.close();
    await catalog.end();
  }
}

interface Strike {
  readonly product: Product;
  readonly catalog: Sql;
  readonly dataPath: string;
  readonly blow: Blow;
  readonly random: () => number;
}

async function strike({ product, catalog, dataPath, blow, random }: Strike): Promise<void> {
  if (blow === 'freeze-in-commit') {
    const known = (await parquetFiles(dataPath)).length;
    await momentOf(async () => (await parquetFiles(dataPath)).length > known);
    // whoever it was that wrote
    const pids = product.workers().map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await product.addWorker();
    await sleep(frozenMs);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
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

/** A file appears as soon as a commit, which has asked the ledger by then, inserts the first rows; `COMMIT` is some files away. */
async function parquetFiles(dataPath: string): Promise<string[]> {
  // the directory comes with the first commit
  const files = await readdir(dataPath, { recursive: true }).catch(() => []);
  return files.filter((file) => file.endsWith('.parquet'));
}

/** Looks every few milliseconds; gives up after a while, so that an adversary with nothing left to hit goes on. */
async function momentOf(look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs && !(await look())) await sleep(2);
}

/** @throws Error when that takes too long, or a worker ends by itself. */
async function settled(product: Product): Promise<void> {
  const deadlineMs = performance.now() + 180_000;
  for (let times = 0; times < 3;) {
    const sources = await runningSources(product.client);
    const statuses = await Promise.all(
      sources.map((source) => sourceStatus(product.client, source).catch(() => undefined)),
    );
    const idle = statuses.length > 0 && statuses.every((status) => status?.pipelineState === 'idle');
    times = idle ? times + 1 : 0;
    // throws where one is gone that nobody killed
    product.workers();
    if (performance.now() > deadlineMs) throw new Error('the sources did not catch up within 180 s');
    await sleep(500);
  }
}

/** What a blow has done to the ledger shows once the batches that it hit have been tried again. */
async function soonTwice(lake: LakeReader): Promise<string[]> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    const found = await twiceInLedger(lake);
    if (found.length > 0 || performance.now() > deadlineMs) return found;
    await sleep(250);
  }
}

async function twiceInLedger(lake: LakeReader): Promise<string[]> {
  const { rows } = await lake.query('SELECT batch_id FROM batches GROUP BY batch_id HAVING count(*) > 1');
  return rows.length === 0 ? [] : [`${rows.length} batches stand in the ledger more than once`];
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
  found.push(...(await twiceInLedger(lake)));
  const known = new Set(world.expected.map(({ tenantId, table }) => `${tenantId} ${table}`));
  for (const { tenantId, table, rows } of await tally(lake)) {
    if (rows > 0 && !known.has(`${tenantId} ${table}`))
      found.push(`${tenantId} ${table}: ${rows} rows that nobody put in`);
  }
  return found;
}
