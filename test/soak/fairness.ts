/** One tenant floods the only slot of the only worker; another has one object. How long that takes from upload to row. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import proto from '@temporalio/proto';
import { createS3Client } from '../../lake/s3-access.ts';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { startS3Server } from '../../scripts/stack/s3-server.ts';
import { workflowIdOf } from '../../workflows/source-state.ts';
import { filterLine, queryLake, sqliteLake } from '../support/lake.ts';
import { projectRoot } from '../support/mutant.ts';
import { type Product, startProduct } from '../support/product.ts';
import { startS3Meter } from '../support/s3-meter.ts';

const credentials = { accessKeyId: 'soak', secretAccessKey: 'soak-secret-key' };
const bucket = 'logs';
/** Each has up to eight groups of objects waiting for the slot. */
const floodSources = 5;
const quiet = { tenantId: 'quiet', sourceId: 'filter' };
const probesMax = 5;

export interface Fairness {
  /** From each upload of the quiet tenant until its row was in the lake, while the other had objects waiting. */
  readonly seconds: readonly number[];
  /** Rows of the quiet tenant in the lake. */
  readonly rows: number;
  /** How long a group of objects had the slot, median and most. */
  readonly groupSeconds: readonly [median: number, most: number];
}

export async function runFairness({ directory, objects }: { directory: string; objects: number }): Promise<Fairness> {
  mkdirSync(directory, { recursive: true });
  const server = await startS3Server({ dataDir: join(directory, 's3'), ...credentials });
  const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
  const meter = await startS3Meter(server.endpoint);
  const put = (key: string, number: number) =>
    s3.send(
      new PutObjectCommand({ Bucket: bucket, Key: key, Body: `${filterLine(number)}\n${filterLine(number + 1)}\n` }),
    );
  let product: Product | undefined;
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    let next = 0;
    const lane = async () => {
      while (next < objects) {
        const index = next;
        next += 1;
        await put(`flood-${index % floodSources}/${String(index).padStart(7, '0')}.log`, 2 * index);
      }
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    const env = {
      SOAK_KEY: credentials.accessKeyId,
      SOAK_SECRET: credentials.secretAccessKey,
      MAX_CONCURRENT_ACTIVITIES: '1',
    };
    product = await startProduct({ root: projectRoot, dataDir: directory, lake: sqliteLake(directory), env });
    await product.applyTenants(tenantsYaml(meter.url));
    await until(async () => (await sourceStatus(product?.client as never, quiet)).pipelineState === 'idle');
    await until(async () => meter.gets.length >= 100);
    const seconds: number[] = [];
    // as long as enough waits for the slot to be in the way
    while (seconds.length < probesMax && meter.gets.length < objects * 0.6) {
      const fromMs = performance.now();
      await put(`quiet/${seconds.length}.log`, 1_000_000 + 2 * seconds.length);
      await updateSource(product.client, quiet, 'pollNow');
      await until(async () => (await sourceStatus(product?.client as never, quiet)).totals.batches > seconds.length);
      seconds.push((performance.now() - fromMs) / 1000);
    }
    await until(async () => meter.gets.length >= objects + seconds.length);
    const sql = `SELECT count(*)::INTEGER AS rows FROM proofpoint_gateway_filter_logs WHERE tenant_id = 'quiet'`;
    const [counted] = await queryLake(sqliteLake(directory), sql);
    return { seconds, rows: Number(counted?.['rows']), groupSeconds: await groupSeconds(product) };
  } finally {
    await product?.close();
    s3.destroy();
    await meter.close();
    await server.close();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 600_000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error('the sources do not come on');
    await sleep(50);
  }
}

/** From the history of a source that floods: what its activities of 100 objects took. */
async function groupSeconds({ client }: Product): Promise<[number, number]> {
  const { EventType } = proto.temporal.api.enums.v1;
  const handle = client.workflow.getHandle(workflowIdOf({ tenantId: 'flood', sourceId: 'filter-0' }));
  const { events } = await handle.fetchHistory();
  const at = (time: { seconds?: unknown; nanos?: number | null } | null | undefined) =>
    Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
  const groups = new Set<string>();
  const started = new Map<string, number>();
  const took: number[] = [];
  for (const event of events ?? []) {
    const scheduledId = String(
      event.activityTaskStartedEventAttributes?.scheduledEventId ??
        event.activityTaskCompletedEventAttributes?.scheduledEventId,
    );
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === 'loadObjects')
      groups.add(String(event.eventId));
    if (event.eventType === EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED) started.set(scheduledId, at(event.eventTime));
    if (event.eventType === EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED && groups.has(scheduledId))
      took.push(at(event.eventTime) - (started.get(scheduledId) ?? 0));
  }
  took.sort((a, b) => a - b);
  return [took[Math.floor(took.length / 2)] ?? 0, took.at(-1) ?? 0];
}

function tenantsYaml(endpoint: string): string {
  const source = (id: string, prefix: string) => `      ${id}:
        kind: s3
        table: proofpoint_gateway_filter_logs
        bucket: ${bucket}
        prefix: ${prefix}/
        endpoint: ${endpoint}
        accessKeyId: env:SOAK_KEY
        secretAccessKey: env:SOAK_SECRET
`;
  const flood = Array.from({ length: floodSources }, (_, index) => source(`filter-${index}`, `flood-${index}`));
  return `tenants:\n  quiet:\n    sources:\n${source('filter', 'quiet')}  flood:\n    sources:\n${flood.join('')}`;
}
