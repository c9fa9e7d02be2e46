/** The uploads to the bucket of a soak: those before anybody reads, and those meanwhile, with workers killed between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { request } from 'undici';
import type { S3Server } from '../../scripts/stack/s3-server.ts';
import { seeded } from '../../simulator/random.ts';
import type { Bucket, Upload } from './bucket.ts';
import type { Observe } from './s3-scenario.ts';

export const bucketName = 'logs';
const uploadsAtOnce = 16;
const sayEveryMs = 30_000;
const stragglersMax = 200;
/** Within the time of all uploads. */
const stragglersOften = 30;

/** Objects that are there before anybody reads. */
export async function fill(bucket: Bucket, server: S3Server, s3: S3Client, say: (line: string) => void): Promise<void> {
  const fromMs = Date.now();
  const put = putter(server, s3);
  const objects = bucket.standing();
  let [laid, saidMs] = [0, fromMs];
  await Promise.all(
    Array.from({ length: 2 * uploadsAtOnce }, async () => {
      for (const object of objects) {
        await put(object);
        laid += 1;
        if (Date.now() - saidMs < sayEveryMs) continue;
        saidMs = Date.now();
        say(`${laid} of ${bucket.standingCount} objects laid down`);
      }
    }),
  );
  const seconds = (Date.now() - fromMs) / 1000;
  say(`${bucket.standingCount} objects laid down in ${seconds.toFixed(0)} s`);
}

/** By the way of the store that takes the most: the machine is to be busy with reading. */
const putter = ({ bulkUrl }: S3Server, s3: S3Client) => (bulkUrl === undefined ? putObject(s3) : putFile(bulkUrl));

const putObject =
  (s3: S3Client) =>
  async ({ key, body }: Upload): Promise<void> => {
    await s3.send(new PutObjectCommand({ Bucket: bucketName, Key: key, Body: body }));
  };

const putFile =
  (bulkUrl: string) =>
  async ({ key, body }: Upload): Promise<void> => {
    const answer = await request(`${bulkUrl}/${bucketName}/${key}`, { method: 'PUT', body });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`laying down ${key}: ${answer.statusCode}`);
  };

/** Half of the later objects come while the standing ones are read, the other half when the cursor has passed those. */
export async function disturb(world: Observe): Promise<void> {
  const { settings, bucket, meter, clock, server, s3 } = world;
  const { uploadSeconds, kills, say = () => undefined } = settings;
  const put = putter(server, s3);
  const half = Math.ceil(bucket.comings.length / 2);
  for (const comings of [bucket.comings.slice(0, half), bucket.comings.slice(half)]) {
    const [fromMs, spanMs] = [Date.now(), (uploadSeconds / 2) * 1000];
    let next = 0;
    const lane = async () => {
      while (next < comings.length) {
        const index = next;
        next += 1;
        await sleep(Math.max(0, fromMs + (index / comings.length) * spanMs - Date.now()));
        await put(bucket.next(comings[index] ?? 'new', clock.nowMs()));
      }
    };
    await Promise.all([...Array.from({ length: uploadsAtOnce }, lane), killWorkers(world, kills / 2, spanMs)]);
    say(`${comings.length} uploads and ${kills / 2} kills are over; ${meter.gets.length} objects were asked for`);
    await moving(world, () => meter.gets.length >= bucket.standingCount);
  }
}

/** Late objects, one after the other, until `found`: on a slow machine the first full listing may find all the others before a look-back does. */
export async function straggle(world: Observe, found: () => Promise<boolean>): Promise<void> {
  const { settings, bucket, clock, server, s3 } = world;
  const put = putter(server, s3);
  let [stragglers, nextMs] = [0, Date.now()];
  await moving(world, async () => {
    if (await found()) return true;
    if (Date.now() < nextMs) return false;
    if (stragglers === stragglersMax) throw new Error(`${stragglers} late objects, and one kind of pass found none`);
    await put(bucket.next('late', clock.nowMs()));
    stragglers += 1;
    nextMs = Date.now() + (settings.uploadSeconds * 1000) / stragglersOften;
    return false;
  });
}

async function killWorkers({ settings: { seed }, product }: Observe, kills: number, spanMs: number): Promise<void> {
  const fromMs = Date.now();
  const random = seeded(seed, 'kills', fromMs);
  for (let kill = 0; kill < kills; kill += 1) {
    await sleep(Math.max(0, fromMs + ((kill + 0.2 + 0.6 * random.next()) / kills) * spanMs - Date.now()));
    await product.replaceWorker();
  }
}

/** Waits as long as objects are asked for, and some minutes more; a full listing that finds nothing new may have to become due, and go through. */
export async function moving({ settings, meter }: Observe, done: () => boolean | Promise<boolean>): Promise<void> {
  const { say = () => undefined, reconcileHours, speed } = settings;
  const idleMs = 900_000 + (2 * reconcileHours * 3_600_000) / speed;
  let [deadlineMs, asked, saidMs] = [Date.now() + idleMs, 0, Date.now()];
  while (!(await done())) {
    if (meter.gets.length > asked) [asked, deadlineMs] = [meter.gets.length, Date.now() + idleMs];
    if (Date.now() > deadlineMs) throw new Error(`the source stands still after ${asked} objects`);
    if (Date.now() - saidMs > sayEveryMs) {
      saidMs = Date.now();
      say(`${meter.gets.length} objects and ${meter.lists.length} listings were asked for`);
    }
    await sleep(300);
  }
}
