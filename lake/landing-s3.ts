/** Landing in an S3 bucket that honours `If-None-Match: *` on PUT. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { IngestError } from '../errors/ingest-error.ts';
import type { Landing } from './landing.ts';
import { createS3Client, type S3Access } from './s3-access.ts';

const conflictTriesMax = 5;

export async function openS3Landing(url: URL, access: S3Access): Promise<Landing> {
  const bucket = url.host;
  const prefix = decodeURIComponent(url.pathname).replace(/^\/|\/$/g, '');
  const client = createS3Client(access);
  const objectOf = (key: string) => ({ Bucket: bucket, Key: prefix === '' ? key : `${prefix}/${key}` });

  async function put(key: string, body: Uint8Array | string): Promise<'stored' | 'exists'> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.send(new PutObjectCommand({ ...objectOf(key), Body: body, IfNoneMatch: '*' }));
        return 'stored';
      } catch (error) {
        if (statusOf(error) === 412) return 'exists';
        // Another conditional write of the same key was under way: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        if (statusOf(error) !== 409 || attempt === conflictTriesMax) throw unavailable(bucket, error);
        await sleep(100 * attempt);
      }
    }
  }

  await probe(put, async (key) => void (await client.send(new DeleteObjectCommand(objectOf(key)))), bucket);
  return {
    async exists(key) {
      try {
        await client.send(new HeadObjectCommand(objectOf(key)));
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw unavailable(bucket, error);
      }
    },
    async putIfAbsent(key, filePath) {
      // Whole in memory, so that the SDK can send it again: an hour of a large tenant is tens of megabytes compressed.
      return put(key, await readFile(filePath));
    },
    async open(key) {
      try {
        const { Body } = await client.send(new GetObjectCommand(objectOf(key)));
        if (Body === undefined) throw new Error('no body');
        return Body as AsyncIterable<Uint8Array>;
      } catch (error) {
        if (statusOf(error) === 404)
          throw new IngestError('landing.missing', `landing: nothing under ${key}`, { cause: error });
        throw unavailable(bucket, error);
      }
    },
    close: () => client.destroy(),
  };
}

type Put = (key: string, body: string) => Promise<'stored' | 'exists'>;

/** Some S3 servers take the header and overwrite all the same: found out here, before anything depends on it. */
async function probe(put: Put, remove: (key: string) => Promise<void>, bucket: string): Promise<void> {
  const key = `.probe/${randomUUID()}`;
  await put(key, 'first');
  const second = await put(key, 'second');
  await remove(key).catch(() => undefined);
  if (second === 'stored') {
    throw new IngestError(
      'landing.unsafe',
      `landing: the store of bucket ${bucket} ignores If-None-Match and would overwrite`,
    );
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function unavailable(bucket: string, cause: unknown): IngestError {
  const name = cause instanceof Error ? cause.name : 'error';
  return new IngestError('landing.unavailable', `landing: bucket ${bucket} failed (${name})`, { cause });
}
