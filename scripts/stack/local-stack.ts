/** Everything on one machine: Temporal, an S3 server, a worker. `ppi dev` and `ppi demo` run on it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../../workers/config.ts';
import type { Running } from './process.ts';
import { startS3Server, type S3Server } from './s3-server.ts';
import { startTemporalServer, type TemporalServer } from './temporal-server.ts';
import { startWorkerProcess } from './worker-process.ts';

export interface StartLocalStack {
  readonly dataDir: string;
  /** Keep workflows across restarts. */
  readonly persistent: boolean;
  readonly s3Credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly ports?: { readonly temporal?: number; readonly ui?: number; readonly s3?: number };
  /** For the worker: secrets that tenants.yaml refers to, settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told what is being done, for people. */
  readonly say?: (line: string) => void;
}

export interface LocalStack {
  readonly temporal: TemporalServer;
  readonly s3: S3Server;
  readonly worker: Running;
  /** The configuration that the worker has, for commands against this stack. */
  readonly config: Config;
  /** What the worker was given, for another worker of the same stack. */
  readonly workerEnv: Parameters<typeof startWorkerProcess>[0]['env'];
  close(): Promise<void>;
}

/** @throws Error when a part does not come up; the parts that did are stopped again. */
export async function startLocalStack(options: StartLocalStack): Promise<LocalStack> {
  const { dataDir, persistent, ports = {}, say = () => undefined } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const started: { close(): Promise<void> }[] = [];
  const close = async () => {
    // in the order in which they need each other: the worker first
    for (const part of started.splice(0).reverse()) await part.close();
  };
  try {
    say('starting Temporal and the S3 server');
    const [temporal, s3] = await Promise.all([
      startTemporalServer({
        logFile: join(dataDir, 'logs/temporal.log'),
        ...(persistent ? { dataDir: join(dataDir, 'temporal') } : {}),
        ...(ports.temporal === undefined ? {} : { port: ports.temporal }),
        ...(ports.ui === undefined ? {} : { uiPort: ports.ui }),
      }).then((server) => (started.push(server), server)),
      startS3Server({
        dataDir: join(dataDir, 's3'),
        ...options.s3Credentials,
        ...(ports.s3 === undefined ? {} : { port: ports.s3 }),
      }).then((server) => (started.push(server), server)),
    ]);
    const workerEnv = {
      ...options.env,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      DATA_DIR: dataDir,
    };
    const config = readConfig({ ...process.env, ...workerEnv });
    say('starting the worker');
    const worker = await startWorkerProcess({
      env: workerEnv,
      taskQueue: config.temporal.taskQueue,
      logFile: join(dataDir, 'logs/worker.log'),
    });
    started.push(worker);
    return { temporal, s3, worker, config, workerEnv, close };
  } catch (error) {
    await close();
    throw error;
  }
}
