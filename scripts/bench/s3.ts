/**
 * `npm run bench:s3`: from the bucket to committed rows, as a ratio to nothing but downloading and gunzipping
 * the same object in the same run. Compiled code, a real S3 server, Temporal server and workers. Loads a gzip object of so many megabytes of sendmail
 * three times, each time for another tenant: by one worker, by one that is killed in the middle and followed by another, and as four objects by
 * two workers. What the lake holds is compared with the lines that were uploaded each time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Client } from '@temporalio/client';
import { Option } from 'commander';
import { openLakeReader } from '../../lake/reader.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { s3Settings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';
import { countOption } from '../commands/context.ts';
import { printJson, printTable } from '../output.ts';
import { scriptArguments } from '../script.ts';
import { sourceStatus, startSource } from '../source-registry.ts';
import type { Running } from '../stack/process.ts';
import { startS3Server } from '../stack/s3-server.ts';
import { startTemporalServer } from '../stack/temporal-server.ts';
import { startWorkerProcess } from '../stack/worker-process.ts';
import { runTool, tool } from '../tool.ts';
import { benchInput } from './input.ts';
import { linesOfFiles, linesOfTenant, type Lines } from './lines.ts';
import { processUsage, type ProcessUsage } from './process-usage.ts';

const table = 'proofpoint_gateway_sendmail_logs';
const bucket = 'bench';
const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench-secret-key' };
/** The object is made of so many parts, one after another: a gzip file may have several. */
const parts = 4;
const bytesPerLine = 330;
/** Until a worker has told of the stalls before. */
const stallsSettleMs = 1000;

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryMegabytes: number;
}

/** How long nothing else could run in a thread of a worker while it loaded. Zero: never long enough to be told. */
interface Stalls {
  readonly longestMs: number;
  /** The longest without the time in which the thread stood ready and had no core: on this machine workers, S3 server and Temporal share them. */
  readonly longestOwnMs: number;
}

interface Loading extends Measured {
  readonly case: string;
  readonly megabytesPerSecond: number;
  /** Throughput per second of CPU, as a part of that of download and gunzip. */
  readonly ratioPerCore: number;
  /** The same per second of the clock. */
  readonly ratioByClock: number;
  readonly stalls: Stalls;
  readonly exact: boolean;
}

interface Load {
  readonly what: string;
  readonly prefix: string;
  readonly expected: Lines;
  readonly workerCount?: number;
  readonly during?: () => Promise<void>;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function run(megabytes: number) {
  const home = join(readConfig().dataDir, 'bench');
  say('making the object');
  const records = Math.ceil((megabytes * 1e6) / bytesPerLine / parts);
  const inputs = [];
  for (let part = 0; part < parts; part += 1) inputs.push(await benchInput(home, table, records, part));
  const files = inputs.map(({ path }) => path);
  const whole = join(home, `${table}-${parts}x${records}.gz`);
  if (!existsSync(whole))
    for (const file of files) await pipeline(createReadStream(file), createWriteStream(whole, { flags: 'a' }));
  const lineCount = records * parts;
  const plainBytes = inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const [ofWhole, ofParts] = [await linesOfFiles([whole]), await linesOfFiles(files)];

  const directory = await mkdtemp(join(home, 's3-'));
  const [server, temporal] = await Promise.all([
    startS3Server({ dataDir: join(directory, 's3'), ...credentials }),
    startTemporalServer({ logFile: join(directory, 'temporal.log'), uiPort: 'none' }),
  ]);
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    DATA_DIR: directory,
    ALLOW_PRIVATE_ENDPOINTS: '1',
    BENCH_KEY: credentials.accessKeyId,
    BENCH_SECRET: credentials.secretAccessKey,
  };
  const config = readConfig({ ...process.env, ...env });
  const client = await connectClient(config);
  let workers: Running[] = [];
  let hasDied = false;
  const stallFileOf = (index: number) => join(directory, `stall-${index}`);
  const startWorker = async (share: NodeJS.ProcessEnv = {}) => {
    const stallFile = stallFileOf(workers.length);
    const options = `${process.env['NODE_OPTIONS'] ?? ''} --import ${new URL('stall-watch.mjs', import.meta.url).href}`;
    const worker = await startWorkerProcess({
      env: { ...env, ...share, NODE_OPTIONS: options.trim(), STALL_FILE: stallFile },
      taskQueue: config.temporal.taskQueue,
      logFile: join(directory, 'worker.log'),
    });
    workers.push(worker);
    // one that was killed on purpose is taken out before
    void worker.exited.then(() => (hasDied ||= workers.includes(worker)));
    // modules are loaded in one go, and nothing waits for a worker that is not up
    await sleep(stallsSettleMs);
    rmSync(stallFile, { force: true });
  };
  const settings = (prefix: string) =>
    s3Settings.parse({
      kind: 's3',
      table,
      bucket,
      prefix,
      endpoint: server.endpoint,
      accessKeyId: 'env:BENCH_KEY',
      secretAccessKey: 'env:BENCH_SECRET',
      every: '1d',
    });

  /** Loads what lies below the prefix for a tenant of its own. */
  async function load({
    what,
    prefix,
    expected,
    workerCount = 1,
    during = async () => undefined,
  }: Load): Promise<Loading> {
    say(what);
    const tenantId = what.replaceAll(/\W+/g, '-');
    workers = [];
    hasDied = false;
    // as docs/operations.md says for few large objects: one worker would take them all
    const share = workerCount > 1 ? { MAX_CONCURRENT_ACTIVITIES: String(parts / workerCount) } : {};
    for (let index = 0; index < workerCount; index += 1) await startWorker(share);
    const before = workers.map(({ pid }) => processUsage(pid));
    const startMs = performance.now();
    const name = { tenantId, sourceId: 'sendmail' };
    await startSource(client, config.temporal.taskQueue, { ...name, settings: settings(prefix) });
    const loaded = untilLoaded(client, name, lineCount, () => hasDied);
    await during();
    await loaded;
    const seconds = (performance.now() - startMs) / 1000;
    const after = workers.map(({ pid }) => processUsage(pid));
    const stalls = await readStalls(workers.map((_, index) => stallFileOf(index)));
    await Promise.all(workers.map(async (worker) => worker.close()));
    const lake = await openLakeReader({ ...config.lake, s3: config.aws });
    const held = await linesOfTenant(lake, table, tenantId);
    lake.close();
    if (!sameLines(held, expected)) say(`  ${held.count} lines in the lake, ${expected.count} uploaded`);
    const usage = sumUsage(after, before);
    return {
      case: what,
      seconds,
      ...usage,
      megabytesPerSecond: plainBytes / 1e6 / seconds,
      ratioPerCore: bare.cpuSeconds / usage.cpuSeconds,
      ratioByClock: bare.seconds / seconds,
      stalls,
      exact: sameLines(held, expected),
    };
  }

  let bare: Measured = { seconds: 0, cpuSeconds: 0, peakMemoryMegabytes: 0 };
  try {
    const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const put = (key: string, file: string) =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: createReadStream(file),
          ContentLength: statSync(file).size,
        }),
      );
    say('uploading');
    await put('whole/sendmail.gz', whole);
    for (const [index, file] of files.entries()) await put(`parts/sendmail-${index}.gz`, file);
    s3.destroy();
    say('download and gunzip');
    bare = await measureBare(server.endpoint);
    const one = await load({ what: 'one worker', prefix: 'whole/', expected: ofWhole });
    const killed = await load({
      what: 'killed in the middle',
      prefix: 'whole/',
      expected: ofWhole,
      async during() {
        await sleep(one.seconds * 500);
        process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
        await workers.pop()?.exited;
        await startWorker();
      },
    });
    const two = await load({ what: 'two workers', prefix: 'parts/', expected: ofParts, workerCount: 2 });
    return {
      megabytes: plainBytes / 1e6,
      compressedMegabytes: statSync(whole).size / 1e6,
      bare,
      loads: [one, killed, two],
    };
  } finally {
    await Promise.all(workers.map(async (worker) => worker.close()));
    await client.connection.close();
    await temporal.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function untilLoaded(
  client: Client,
  source: { tenantId: string; sourceId: string },
  records: number,
  hasDied: () => boolean,
): Promise<void> {
  for (;;) {
    if (hasDied()) throw new Error('a worker died');
    // no worker answers while the one is dead
    const status = await sourceStatus(client, source).catch(() => undefined);
    if (status?.lastError !== undefined) say(`  ${status.lastError.message}`);
    if ((status?.totals.records ?? 0) >= records) return;
    await sleep(200);
  }
}

/** In a process of its own, as the workers are. */
async function measureBare(endpoint: string): Promise<Measured> {
  const child = spawn(process.execPath, [...scriptArguments('bench/download'), endpoint, bucket, 'whole/sendmail.gz'], {
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the download ended with exit code ${String(code)}`);
  return JSON.parse(Buffer.concat(chunks).toString()) as Measured;
}

function sumUsage(after: readonly ProcessUsage[], before: readonly ProcessUsage[]) {
  return {
    cpuSeconds: after.reduce((sum, { cpuSeconds }, index) => sum + cpuSeconds - (before[index]?.cpuSeconds ?? 0), 0),
    peakMemoryMegabytes: Math.max(...after.map((usage) => usage.peakMemoryMegabytes)),
  };
}

async function readStalls(files: readonly string[]): Promise<Stalls> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const told = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  const stalls = told.map((line) => line.split(' ').map(Number) as [number, number]);
  return {
    longestMs: Math.max(0, ...stalls.map(([stallMs]) => stallMs)),
    longestOwnMs: Math.max(0, ...stalls.map(([stallMs, withoutCoreMs]) => stallMs - withoutCoreMs)),
  };
}

function sameLines(one: Lines, other: Lines): boolean {
  return one.count === other.count && one.checksum === other.checksum;
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

await runTool(
  tool(
    'bench:s3',
    'from the bucket to committed rows, as a ratio to download and gunzip of the same object',
    '--megabytes 300',
  )
    .addOption(new Option('--megabytes <count>', 'of lines, before compression').default(2000).argParser(countOption))
    .action(async ({ megabytes, json }: { megabytes: number; json?: true }) => {
      const measured = await run(megabytes);
      if (json) printJson(measured);
      else {
        const { bare, loads } = measured;
        process.stdout.write(
          `${round(measured.megabytes, 0)} MB of sendmail lines, ${round(measured.compressedMegabytes, 0)} MB compressed\n` +
            `download and gunzip: ${round(bare.seconds, 1)} s, ${round(bare.cpuSeconds, 1)} s of CPU\n\n`,
        );
        printTable(
          [
            'load',
            's',
            'MB/s',
            'CPU s',
            'ratio a core',
            'ratio by clock',
            'peak MB',
            'stall ms',
            'with a core',
            'exact',
          ],
          loads.map((load) => [
            load.case,
            round(load.seconds, 1),
            round(load.megabytesPerSecond, 1),
            round(load.cpuSeconds, 1),
            round(load.ratioPerCore, 3),
            round(load.ratioByClock, 3),
            round(load.peakMemoryMegabytes, 0),
            round(load.stalls.longestMs, 0),
            round(load.stalls.longestOwnMs, 0),
            load.exact ? 'yes' : 'NO',
          ]),
        );
      }
      if (measured.loads.some(({ exact }) => !exact)) process.exitCode = 1;
    }),
);
