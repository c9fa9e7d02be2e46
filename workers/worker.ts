/** A worker: polls Temporal, runs workflows and activities, owns the lake connection. */
import { Client } from '@temporalio/client';
import { type NativeConnection, Runtime, type RuntimeOptions, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import { createMessageQueues, createObjectStores, type Dependencies } from '../activities/dependencies.ts';
import { activityInterceptors, createActivities } from '../activities/index.ts';
import { openLanding } from '../lake/landing.ts';
import { openRenewedLake } from '../lake/renewed-lake.ts';
import { openSpill, type Spill } from '../lake/spill.ts';
import { createTapClient } from '../sources/tap/client.ts';
import type { Config } from './config.ts';
import { scheduleMaintenance } from './maintenance-schedule.ts';
import { lineSink } from './standard-error.ts';
import { connectWorker } from './temporal.ts';
import { workflowBundlePath } from './workflow-bundle.ts';

/** How a worker runs, whatever it is that it runs. */
export const workerBehavior = {
  interceptors: { activity: activityInterceptors },
  workflowTaskPollerBehavior: { type: 'autoscaling' },
  activityTaskPollerBehavior: { type: 'autoscaling' },
  // in-flight activities get this long to finish; then they are cancelled and run elsewhere
  shutdownGraceTime: '20s',
  shutdownForceTime: '40s',
  // a cancelled activity hears of it by its next heartbeat; the default lets up to a minute pass between two
  maxHeartbeatThrottleInterval: '10s',
  // A workflow that is interrupted after this time is run again, or ends the process: https://github.com/nodejs/node/issues/38503. The default of 5 s
  // does so to workers that stood still meanwhile, in a machine that is moved to another host or has no CPU to give. The SDK takes the setting and
  // leaves it out of the type of its options.
  isolateExecutionTimeout: '60s',
} as const satisfies Omit<WorkerOptions, 'taskQueue'> & { isolateExecutionTimeout: string };

/**
 * Runs until SIGTERM, SIGINT or `stopping` aborts.
 * @throws IngestError `temporal.unreachable`, `lake.unavailable`, `landing.*`, `config.environment`
 */
export async function runWorker(config: Config, stopping?: AbortSignal): Promise<void> {
  Runtime.install(runtimeOptions(config));
  const { connection, namespace } = await connectWorker(config);
  try {
    await scheduleMaintenance(new Client({ connection, namespace }), config, Runtime.instance().logger);
    const dependencies = await openDependencies(config);
    try {
      const worker = await createWorker(config, { connection, namespace }, dependencies);
      stopping?.addEventListener('abort', () => worker.shutdown(), { once: true });
      const running = worker.run();
      // told to stop while it started: an abort that has been is not heard of again
      if (stopping?.aborted === true) worker.shutdown();
      await running;
    } finally {
      await closeDependencies(dependencies);
    }
  } finally {
    await connection.close();
  }
}

async function createWorker(
  config: Config,
  { connection, namespace }: { connection: NativeConnection; namespace: string },
  dependencies: Dependencies,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace,
    taskQueue: config.temporal.taskQueue,
    workflowBundle: { codePath: await workflowBundlePath(config) },
    activities: createActivities(dependencies),
    maxConcurrentActivityTaskExecutions: config.maxConcurrentActivities,
    ...workerBehavior,
  });
}

async function openDependencies(config: Config): Promise<Dependencies & { readonly spill: Spill }> {
  const s3 = config.aws;
  const access = { secrets: config.secretEnvironment, allowPrivateEndpoints: config.allowPrivateEndpoints };
  const spill = openSpill(config.lake.spillDirectory);
  return {
    spill,
    landing: await openLanding(config.landingUrl, s3),
    lake: await openRenewedLake({ ...config.lake, s3 }),
    tap: createTapClient({ version: config.version, allowPrivateEndpoints: config.allowPrivateEndpoints }),
    stores: createObjectStores(access),
    queues: createMessageQueues(access),
    objectLimits: config.objectLimits,
    secrets: config.secretEnvironment,
    spillDirectory: spill.directory,
  };
}

async function closeDependencies({
  spill,
  lake,
  landing,
  tap,
  stores,
  queues,
}: Awaited<ReturnType<typeof openDependencies>>): Promise<void> {
  await tap.close();
  stores.close();
  queues.close();
  landing.close();
  await lake.close();
  spill.remove();
}

/** Logs are JSON lines on standard error; the SDK's own go the same way. */
function runtimeOptions({ logLevel, metricsAddress }: Config): RuntimeOptions {
  const logger = pino({ level: logLevel, base: null }, lineSink());
  const log =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: Record<string, unknown>) =>
      logger[level](meta ?? {}, message);
  return {
    logger: {
      log: (level, message, meta) => log(level.toLowerCase() as 'info')(message, meta),
      trace: log('trace'),
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
    },
    ...(metricsAddress === undefined
      ? {}
      : { telemetryOptions: { metrics: { prometheus: { bindAddress: metricsAddress } } } }),
  };
}
