/** A worker with the real activities, a lake and a landing of its own, and a Temporal server, in this process; S3 where wanted. */
import { join } from 'node:path';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createMessageQueues, createObjectStores, type Dependencies } from '../../activities/dependencies.ts';
import { createActivities } from '../../activities/index.ts';
import { openLake } from '../../lake/lake.ts';
import { openLanding } from '../../lake/landing.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { startS3Server } from '../../scripts/stack/s3-server.ts';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { s3Settings, type S3Settings } from '../../sources/settings.ts';
import { createTapClient } from '../../sources/tap/client.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { workerBehavior } from '../../workers/worker.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';

const credentials = { accessKeyId: 'stack', secretAccessKey: 'stack-secret-key' };
const bucket = 'logs';

export interface WorkerStack {
  readonly client: Client;
  readonly config: Config;
  readonly dependencies: Dependencies;
  /** The environment in which commands see this stack. */
  readonly env: NodeJS.ProcessEnv;
  readonly s3: S3Client;
  readonly bucket: string;
  /** Of a source that reads the stack's bucket below `prefix`. */
  s3Settings(prefix: string, table?: string): S3Settings;
  close(): Promise<void>;
}

export async function startWorkerStack(directory: string): Promise<WorkerStack> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const [temporal, s3Server] = await Promise.all([
    startTemporalServer({ logFile: join(directory, 'temporal.log'), uiPort: 'none' }),
    startS3Server({ dataDir: join(directory, 's3'), ...credentials }),
  ]);
  const env = {
    DATA_DIR: directory,
    TEMPORAL_ADDRESS: temporal.address,
    ALLOW_PRIVATE_ENDPOINTS: '1',
    STACK_KEY: credentials.accessKeyId,
    STACK_SECRET: credentials.secretAccessKey,
  };
  const config = readConfig(env);
  const s3 = createS3Client({ region: 'us-east-1', endpoint: s3Server.endpoint, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const dependencies: Dependencies = {
    lake: await openLake(config.lake),
    landing: await openLanding(config.landingUrl, config.aws),
    tap: createTapClient({ version: config.version, allowPrivateEndpoints: true }),
    stores: createObjectStores({ secrets: env, allowPrivateEndpoints: true }),
    queues: createMessageQueues({ secrets: env, allowPrivateEndpoints: true }),
    objectLimits: config.objectLimits,
    secrets: env,
    spillDirectory: config.lake.spillDirectory,
  };
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  const connection = await NativeConnection.connect({ address: temporal.address });
  const worker = await Worker.create({
    connection,
    taskQueue: config.temporal.taskQueue,
    workflowBundle: { codePath: await workflowBundlePath(config) },
    activities: createActivities(dependencies),
    interceptors: workerBehavior.interceptors,
  });
  const running = worker.run();
  return {
    client,
    config,
    dependencies,
    env,
    s3,
    bucket,
    s3Settings: (prefix, table = 'proofpoint_gateway_filter_logs') =>
      s3Settings.parse({
        kind: 's3',
        table,
        bucket,
        prefix,
        endpoint: s3Server.endpoint,
        accessKeyId: 'env:STACK_KEY',
        secretAccessKey: 'env:STACK_SECRET',
      }),
    async close() {
      worker.shutdown();
      await running;
      await connection.close();
      await client.connection.close();
      s3.destroy();
      await dependencies.tap.close();
      dependencies.stores.close();
      dependencies.queues.close();
      dependencies.landing.close();
      await dependencies.lake.close();
      await s3Server.close();
      await temporal.close();
    },
  };
}
