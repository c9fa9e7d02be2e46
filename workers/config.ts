/** Configuration: the one place that reads the environment. Everything else is given what it needs. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { IngestError } from '../errors/ingest-error.ts';
import { parseDuration } from '../sources/duration.ts';

const projectRoot = resolve(fileURLToPath(new URL('.', import.meta.url)), '..').replace(/\/dist$/, '');

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(resolve(projectRoot, 'package.json'), 'utf8')));

const flag = z
  .enum(['0', '1', 'true', 'false'], 'must be 1 or 0')
  .default('0')
  .transform((value) => value === '1' || value === 'true');
const count = (low: number, high: number, fallback: number) => {
  const words = `must be a whole number between ${low} and ${high}`;
  return z.coerce.number(words).int(words).min(low, words).max(high, words).default(fallback);
};
const spanOf = (value: string) => parseDuration(value) ?? Number.NaN;
/** Files of a snapshot must outlast the longest query on it. */
export const keepSecondsMin = 3600;
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * Every variable the product knows. Further TEMPORAL_* variables (TLS, API key, profile) are read by the Temporal SDK's own environment
 * configuration, see workers/temporal.ts.
 */
const environment = z
  .object({
    TEMPORAL_ADDRESS: z
      .string()
      .regex(/^[^\s:/]+:\d+$/, 'must be host:port')
      .optional(),
    TEMPORAL_NAMESPACE: z.string().min(1).optional(),
    TASK_QUEUE: z.string().min(1).default('proofpoint-ingest'),
    DATA_DIR: z.string().min(1).default('.data'),
    LAKE_CATALOG: z
      .string()
      .regex(
        /^(sqlite|postgres|postgresql):.+/,
        'must be sqlite:/path/to/catalog.sqlite, or postgres: and a libpq connection string, or postgresql://…',
      )
      .optional(),
    LAKE_DATA: z.string().min(1).optional(),
    LANDING_URL: z
      .string()
      .regex(/^(file:\/\/\/|s3:\/\/|\/|\.)/, 'must be file:///path or s3://bucket/prefix')
      .optional(),
    LAKE_ACCESS_KEY_ID: z.string().min(1).optional(),
    LAKE_SECRET_ACCESS_KEY: z.string().min(1).optional(),
    AWS_REGION: z.string().min(1).default('us-east-1'),
    AWS_ENDPOINT_URL_S3: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
    ALLOW_PRIVATE_ENDPOINTS: flag,
    LOG_LEVEL: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`).default('info'),
    METRICS_ADDRESS: z
      .string()
      .regex(/^[^\s:/]+:\d+$/, 'must be host:port')
      .optional(),
    DUCKDB_EXTENSIONS: z.string().min(1).optional(),
    DUCKDB_MEMORY_MB: count(128, 1_000_000, 512),
    WORKER_PROCESSES: z
      .union(
        [z.literal('auto'), z.coerce.number().int().min(1).max(64)],
        'must be auto or a whole number between 1 and 64',
      )
      .default(1),
    MAX_CONCURRENT_ACTIVITIES: count(1, 1000, 16),
    MAX_OBJECT_RATIO: count(1, 1_000_000, 1000),
    MAX_OBJECT_MB: count(1, 1_000_000_000, 64_000),
    MAINTAIN_EVERY: z
      .string()
      .refine((value) => value === 'off' || spanOf(value) >= 60, 'must be a span of at least 1m, such as 1h, or off')
      .default('1h'),
    MAINTAIN_KEEP: z
      .string()
      .refine((value) => spanOf(value) >= keepSecondsMin, 'must be a span of at least 1h, such as 7d')
      .default('7d'),
    WORKFLOW_BUNDLE: z.string().min(1).optional(),
  })
  .refine((values) => (values.LAKE_ACCESS_KEY_ID === undefined) === (values.LAKE_SECRET_ACCESS_KEY === undefined), {
    path: ['LAKE_ACCESS_KEY_ID'],
    error: 'and LAKE_SECRET_ACCESS_KEY go together',
  });

export const environmentNames = Object.keys(environment.shape);

export type Config = ReturnType<typeof readConfig>;

/** The checked configuration. Throws IngestError `config.environment` that names every wrong variable. */
export function readConfig(env: NodeJS.ProcessEnv = process.env) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const checked = environment.safeParse(given);
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new IngestError('config.environment', `environment: ${problems.join('; ')}`);
  }
  const values = checked.data;
  const dataDir = resolve(values.DATA_DIR);
  return {
    temporal: { address: values.TEMPORAL_ADDRESS, namespace: values.TEMPORAL_NAMESPACE, taskQueue: values.TASK_QUEUE },
    dataDir,
    lake: {
      catalog: values.LAKE_CATALOG ?? `sqlite:${dataDir}/lake/catalog.sqlite`,
      dataPath: values.LAKE_DATA ?? `${dataDir}/lake/data`,
      extensionDirectory: values.DUCKDB_EXTENSIONS ?? resolve(projectRoot, '.tools/duckdb'),
      spillDirectory: `${dataDir}/spill`,
      memoryMegabytes: values.DUCKDB_MEMORY_MB,
    },
    landingUrl: values.LANDING_URL ?? `file://${dataDir}/landing`,
    aws: { region: values.AWS_REGION, endpoint: values.AWS_ENDPOINT_URL_S3, ...lakeKeys(values) },
    allowPrivateEndpoints: values.ALLOW_PRIVATE_ENDPOINTS,
    logLevel: values.LOG_LEVEL,
    metricsAddress: values.METRICS_ADDRESS,
    workerProcesses: values.WORKER_PROCESSES,
    maxConcurrentActivities: values.MAX_CONCURRENT_ACTIVITIES,
    objectLimits: { ratioMax: values.MAX_OBJECT_RATIO, megabytesMax: values.MAX_OBJECT_MB },
    maintenance: {
      /** Undefined: never. */
      everySeconds: parseDuration(values.MAINTAIN_EVERY),
      keepSeconds: spanOf(values.MAINTAIN_KEEP),
    },
    workflowBundle: values.WORKFLOW_BUNDLE,
    projectRoot,
    version,
    /** For secret references `env:NAME` of tenants.yaml only. */
    secretEnvironment: env,
  } as const;
}

/** Absent: the AWS chain's. */
function lakeKeys({ LAKE_ACCESS_KEY_ID, LAKE_SECRET_ACCESS_KEY }: z.output<typeof environment>) {
  return LAKE_ACCESS_KEY_ID === undefined || LAKE_SECRET_ACCESS_KEY === undefined
    ? {}
    : { credentials: { accessKeyId: LAKE_ACCESS_KEY_ID, secretAccessKey: LAKE_SECRET_ACCESS_KEY } };
}
