/**
 * A bucket that is read while it grows: objects late and out of order, overwritten, shipped again under new keys, and workers killed all
 * the while. What the lake holds in the end, what was asked of the store, and what a backfill over all of it adds.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { createS3Client } from '../../lake/s3-access.ts';
import { startS3Backfill } from '../../scripts/backfills.ts';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import type { BackfillStatus } from '../../workflows/backfill-state.ts';
import { sqliteLake } from '../support/lake.ts';
import { createCopy, hurriedMs, hurry, mutations, removeMutant } from '../support/mutant.ts';
import { type Product, startProduct } from '../support/product.ts';
import { type GetRequest, type S3Meter, startS3Meter } from '../support/s3-meter.ts';
import { type Bucket, createBucket, partitionOf } from './bucket.ts';
import { compare, countBatches } from './s3-compare.ts';
import { type ListCost, listCost } from './s3-requests.ts';
import { bucketName, disturb, fill, moving, straggle } from './s3-uploads.ts';

const hourMs = 3_600_000;
const name = { tenantId: 'acme', sourceId: 'filter' };
const prefix = 'filter/';
const credentials = { accessKeyId: 'soak', secretAccessKey: 'soak-secret-key' };
/** Objects that the groups of one step have asked for and not committed: 64 of each of eight. */
const openAtOnceMax = 512;

export interface SoakSettings {
  readonly seed: string;
  readonly directory: string;
  /** Objects in all, about. */
  readonly keys: number;
  /** Source hours for each real one. */
  readonly speed: number;
  /** Real seconds over which the later objects come. */
  readonly uploadSeconds: number;
  readonly kills: number;
  /** At once. */
  readonly workers: number;
  /** Source hours. */
  readonly lookBackHours: number;
  readonly reconcileHours: number;
  readonly everyMinutes: number;
  /** Real time, as MAINTAIN_EVERY takes it. */
  readonly maintainEvery: string;
  /** Told what is being done. */
  readonly say?: (line: string) => void;
}

export interface SoakOutcome {
  readonly keys: number;
  readonly versions: number;
  readonly lines: number;
  /** Lines that the lake lacks; rows that are no line, or one too often, or name an object that does not have it. */
  readonly missing: number;
  readonly surplus: number;
  readonly misplaced: number;
  readonly deadLetters: number;
  readonly kills: number;
  readonly found: Readonly<Record<'look-back' | 'full', number>>;
  readonly lists: ListCost;
  /** Most passes that the settings allow in the time, and what a killed worker had begun. */
  readonly passesMax: { readonly 'look-back': number; readonly full: number };
  readonly gets: GetCost;
  readonly backfill: {
    readonly seen: number;
    readonly rowsAdded: number;
    readonly batches: number;
    readonly gets: number;
    readonly lists: number;
  };
  /** Objects a second from the start of the source until all that had been there were read. */
  readonly objectsPerSecond: number;
}

export interface GetCost {
  readonly requests: number;
  /** One for each version of an object that the ledger has. */
  readonly least: number;
  /** Of a version that was asked for before: its reader was killed. */
  readonly again: number;
  /** As many as the killed workers can have had open. */
  readonly againMax: number;
}

export async function runS3Soak(settings: SoakSettings): Promise<SoakOutcome> {
  const { seed, directory, keys, speed, lookBackHours, maintainEvery, say = () => undefined } = settings;
  const dataDir = join(directory, seed);
  mkdirSync(dataDir, { recursive: true });
  const server = await startS3Server({ dataDir: join(dataDir, 's3'), ...credentials });
  const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
  const meter = await startS3Meter(server.endpoint);
  // the source's time lies in the past, so that no line is from the future of its object
  const originMs = Date.now();
  const startMs = originMs - 40 * 24 * hourMs;
  let running: { root: string; product: Product } | undefined;
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucketName }));
    const standingHours = Math.max(24, Math.min(480, Math.round(keys / 500)));
    const bucket = createBucket({
      seed,
      tenant: name.tenantId,
      prefix,
      keys,
      startMs,
      standingHours,
      lookBackMs: lookBackHours * hourMs,
    });
    await fill(bucket, server, s3, say);
    const beganMs = Date.now();
    const hurried = { originMs: beganMs, startMs, speed };
    const clock = { beganMs, nowMs: () => hurriedMs(hurried) };
    const root = createCopy(`soak-${seed}`, [...hurry(hurried), ...mutations.impatient]);
    const env = {
      SOAK_KEY: credentials.accessKeyId,
      SOAK_SECRET: credentials.secretAccessKey,
      MAINTAIN_EVERY: maintainEvery,
    };
    running = { root, product: await startProduct({ root, dataDir, lake: sqliteLake(dataDir), env }) };
    while (running.product.workers().length < settings.workers) await running.product.addWorker();
    return await observe({
      settings,
      bucket,
      meter,
      server,
      s3,
      clock,
      dataDir,
      startMs,
      standingHours,
      product: running.product,
    });
  } finally {
    await running?.product.close();
    if (running !== undefined) removeMutant(running.root);
    s3.destroy();
    await meter.close();
    await server.close();
  }
}

export interface Observe {
  readonly settings: SoakSettings;
  readonly bucket: Bucket;
  readonly meter: S3Meter;
  readonly server: S3Server;
  readonly s3: S3Client;
  readonly clock: { readonly beganMs: number; nowMs(): number };
  readonly dataDir: string;
  readonly startMs: number;
  readonly standingHours: number;
  readonly product: Product;
}

async function observe(world: Observe): Promise<SoakOutcome> {
  const { settings, bucket, meter, clock, dataDir, startMs, standingHours, product } = world;
  const { speed, lookBackHours, reconcileHours, kills, say = () => undefined } = settings;
  const readFromMs = Date.now();
  await product.applyTenants(tenantsYaml(settings, meter.url));
  let standingReadMs = 0;
  const watch = setInterval(() => {
    if (standingReadMs === 0 && meter.gets.length >= bucket.standingCount) standingReadMs = Date.now();
  }, 100);
  await disturb(world);
  await straggle(world, () => hasFoundLate(product));
  const sinceMs = clock.nowMs();
  await moving(world, () => isThrough(product, sinceMs));
  clearInterval(watch);
  const hours = (clock.nowMs() - startMs) / hourMs;
  const { s3: detail } = await sourceStatus(product.client, name);
  const lists = listCost([...meter.lists], (atMs, reachedAt) => {
    // lookBack before that, from a mark that is up to a quarter and one step older
    const fromMs = atMs - (1.25 * lookBackHours * hourMs) / speed - 2 * longestStepMs(meter);
    const [reached, dated] = [reachedAt(fromMs), `${prefix}${partitionOf(startMs + (fromMs - clock.beganMs) * speed)}`];
    return reached < dated ? reached.slice(0, reached.lastIndexOf('/') + 1) : dated;
  });
  const batches = await countBatches(dataDir);
  const gets = getCost([...meter.gets], batches, kills * openAtOnceMax);
  await pauseSource(product, meter);
  const before = { lists: meter.lists.length, gets: meter.gets.length };
  say('backfill over the whole bucket');
  const started = await startS3Backfill(
    product.client,
    product.config,
    { ...name, settings: await s3SettingsOf(product) },
    {
      fromMs: startMs - (standingHours + 1) * hourMs,
      toMs: clock.nowMs(),
      by: 'key',
      unitsTotal: bucket.truth.keys.size,
    },
  );
  const backfill: BackfillStatus = await product.client.workflow.getHandle(started.workflowId).result();
  return {
    keys: bucket.truth.keys.size,
    versions: bucket.truth.versions,
    kills,
    ...(await compare(dataDir, name.tenantId, bucket.truth)),
    found: detail?.found ?? { 'look-back': 0, full: 0 },
    lists,
    passesMax: {
      'look-back': Math.ceil(hours / (lookBackHours / 4)) + kills,
      full: Math.ceil(hours / reconcileHours) + kills,
    },
    gets,
    backfill: {
      seen: backfill.done,
      rowsAdded: backfill.totals.rowsAdded,
      batches: backfill.totals.batches,
      gets: meter.gets.length - before.gets,
      lists: meter.lists.length - before.lists,
    },
    objectsPerSecond: standingReadMs === 0 ? 0 : (bucket.standingCount / (standingReadMs - readFromMs)) * 1000,
  };
}

/** Returns once its step is over: what is asked for from then on, the backfill asks for. */
async function pauseSource({ client }: Product, meter: S3Meter): Promise<void> {
  await updateSource(client, name, 'pause', { reason: 'the backfill is counted' });
  for (let asked = -1; asked !== meter.lists.length;) {
    asked = meter.lists.length;
    await sleep(2000);
  }
}

async function s3SettingsOf({ client }: Product) {
  const { settings } = await sourceStatus(client, name);
  if (settings.kind !== 's3') throw new Error('the source is none of S3');
  return settings;
}

function tenantsYaml({ lookBackHours, reconcileHours, everyMinutes }: SoakSettings, endpoint: string): string {
  return `tenants:
  ${name.tenantId}:
    sources:
      ${name.sourceId}:
        kind: s3
        table: proofpoint_gateway_filter_logs
        bucket: ${bucketName}
        prefix: ${prefix}
        layout: '%Y/%m/%d/%H/'
        every: ${everyMinutes}m
        lookBack: ${lookBackHours}h
        reconcile: ${reconcileHours}h
        endpoint: ${endpoint}
        accessKeyId: env:SOAK_KEY
        secretAccessKey: env:SOAK_SECRET
`;
}

/** Each pass behind the cursor has found an object. */
async function hasFoundLate({ client }: Product): Promise<boolean> {
  const status = await sourceStatus(client, name).catch(() => undefined);
  const { 'look-back': byLookBack = 0, full = 0 } = status?.s3?.found ?? {};
  return byLookBack > 0 && full > 0;
}

/** A look-back and a full listing that began after `sinceMs` are through, and the live listing waits. */
async function isThrough({ client }: Product, sinceMs: number): Promise<boolean> {
  const status = await sourceStatus(client, name).catch(() => undefined);
  const since = (time = '') => Date.parse(time) > sinceMs;
  const { s3 } = status ?? {};
  // late: three reads behind are a few real seconds here
  const isWaiting = status?.pipelineState === 'idle' || status?.pipelineState === 'late';
  return isWaiting && s3?.live === undefined && since(s3?.lookedBackAt) && since(s3?.fullAt);
}

function getCost(gets: readonly GetRequest[], least: number, againMax: number): GetCost {
  const versions = new Set(gets.map(({ key, etag }) => `${etag} ${key}`));
  return { requests: gets.length, least, again: gets.length - versions.size, againMax };
}

/** Between two live listings, milliseconds: how far apart marks can be. */
function longestStepMs({ lists }: S3Meter): number {
  return lists.reduce((most, { atMs }, index) => Math.max(most, atMs - (lists[index - 1]?.atMs ?? atMs)), 0);
}
