/** A whole product under test: a Temporal server of its own and workers, as processes, of any copy of the code. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { LakeSettings } from '../../lake/connection.ts';
import { applyTenants, readTenantsFile } from '../../scripts/commands/tenants.ts';
import { quoteLog, type Running } from '../../scripts/stack/process.ts';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { startWorkerProcess } from '../../scripts/stack/worker-process.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';

export interface StartProduct {
  /** Root of the copy of the product that is run. */
  readonly root: string;
  readonly dataDir: string;
  readonly lake: LakeSettings;
  /** Secrets that tenants.yaml refers to, further settings. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Product {
  readonly client: Client;
  readonly config: Config;
  /** The worker that was started last. Throws as `workers` does. */
  worker(): Running;
  /**
   * All that run, frozen ones included.
   * @throws Error with the end of the log, when one of them ended that nobody killed.
   */
  workers(): readonly Running[];
  addWorker(): Promise<Running>;
  /** `kill -9`, then a new one. */
  replaceWorker(): Promise<void>;
  applyTenants(yaml: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts the server and one worker. Sources may be on this machine: private endpoints are allowed. */
export async function startProduct({ root, dataDir, lake, env }: StartProduct): Promise<Product> {
  process.env['ALLOW_PRIVATE_ENDPOINTS'] = '1';
  mkdirSync(dataDir, { recursive: true });
  const temporal = await startTemporalServer({ logFile: join(dataDir, 'temporal.log'), uiPort: 'none' });
  const workerEnv = {
    // at every full hour, whatever a test is doing then
    MAINTAIN_EVERY: 'off',
    ...env,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    DATA_DIR: dataDir,
    LAKE_CATALOG: lake.catalog,
    LAKE_DATA: lake.dataPath,
    DUCKDB_EXTENSIONS: lake.extensionDirectory,
    ALLOW_PRIVATE_ENDPOINTS: '1',
  };
  const config = readConfig({ ...process.env, ...workerEnv });
  const logFile = join(dataDir, 'worker.log');
  const started: Running[] = [];
  const ended = new Map<Running, string>();
  const addWorker = async () => {
    const worker = await startWorkerProcess({ env: workerEnv, root, taskQueue: config.temporal.taskQueue, logFile });
    started.push(worker);
    void worker.exited.then((how) => ended.set(worker, how));
    return worker;
  };
  const workers = () => {
    for (const worker of started) {
      const how = ended.get(worker);
      if (how !== undefined) throw new Error(`worker ${worker.pid} ended by itself (${how})${quoteLog(logFile)}`);
    }
    return started;
  };
  const client = await connectClient(config);
  const close = async () => {
    await Promise.all(started.map((worker) => worker.close()));
    await client.connection.close();
    await temporal.close();
  };
  try {
    await addWorker();
  } catch (error) {
    await close();
    throw error;
  }
  const worker = () => {
    const newest = workers().at(-1);
    if (newest === undefined) throw new Error('no worker runs');
    return newest;
  };
  return {
    client,
    config,
    worker,
    workers,
    addWorker,
    async replaceWorker() {
      const { pid, exited } = worker();
      process.kill(pid, 'SIGKILL');
      await exited;
      started.pop();
      await addWorker();
    },
    async applyTenants(yaml) {
      const tenantsFile = join(dataDir, 'tenants.yaml');
      writeFileSync(tenantsFile, yaml);
      await applyTenants(client, config, await readTenantsFile(tenantsFile, config), { dryRun: false });
    },
    close,
  };
}
