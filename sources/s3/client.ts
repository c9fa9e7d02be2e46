/** Lists and reads the objects of a bucket, on AWS and on stores that speak its protocol. */
import { GetObjectCommand, ListObjectsV2Command, S3Client, type _Object } from '@aws-sdk/client-s3';
import { IngestError } from '../../errors/ingest-error.ts';
import { checkEndpoint, publicLookup } from '../endpoint.ts';
import { castS3Error } from './errors.ts';

export interface ObjectStoreOptions {
  readonly bucket: string;
  readonly region: string;
  /** Of a store that is not AWS; buckets are then addressed by path. */
  readonly endpoint?: string | undefined;
  /** Default: the AWS chain (environment, profile, instance role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly allowPrivateEndpoints: boolean;
}

/** One version of an object as a listing shows it. */
export interface ListedObject {
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** ISO time. */
  readonly lastModified: string;
}

export interface Listing {
  readonly objects: readonly ListedObject[];
  /** There are keys behind the last one: list again with `startAfter` set to it. */
  readonly more: boolean;
}

export interface ListObjects {
  readonly prefix: string;
  readonly startAfter?: string | undefined;
  /** 1 to 1000, and that by default. */
  readonly maxKeys?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OpenObject extends Pick<ListedObject, 'key' | 'etag'> {
  readonly signal?: AbortSignal | undefined;
}

/** Every method throws IngestError `s3.…` or `config.endpoint_refused`, and the signal's reason when it aborts. */
export interface ObjectStore {
  /** Objects in the store's order of keys, behind `startAfter`. Folder markers are left out; empty objects are not. */
  list(request: ListObjects): Promise<Listing>;
  /**
   * The bytes of that version of the object; `s3.object_changed` where it was overwritten. To be iterated once, and always: the
   * connection is held until then.
   */
  open(request: OpenObject): Promise<AsyncIterable<Uint8Array>>;
  /** Does what reading a source does, on its first object: lists the prefix, opens the object. */
  check(request: Pick<ListObjects, 'prefix' | 'signal'>): Promise<void>;
  close(): void;
}

const timeouts = { connectionTimeout: 10_000, socketTimeout: 120_000 };

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { bucket, region, endpoint, credentials, allowPrivateEndpoints } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint, { allowPrivateEndpoints });
  // AWS's own names are no danger, and private addresses where a VPC has an endpoint for S3.
  const guarded = endpoint !== undefined && !allowPrivateEndpoints;
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: { ...timeouts, ...(guarded ? { httpsAgent: { lookup: publicLookup } } : {}) },
  });

  const list: ObjectStore['list'] = async ({ prefix, startAfter, maxKeys = 1000, signal }) => {
    try {
      for (let after = startAfter; ;) {
        const page = await client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            StartAfter: after,
            MaxKeys: maxKeys,
            // XML cannot hold every character that a key may have: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
            EncodingType: 'url',
          }),
          signal === undefined ? {} : { abortSignal: signal },
        );
        const listed = (page.Contents ?? []).map((object) => toListed(object, page.EncodingType === 'url'));
        const more = page.IsTruncated === true;
        const last = listed.at(-1)?.key;
        if (more && (last === undefined || last === after)) {
          throw new IngestError(
            's3.unavailable',
            `S3: the listing of s3://${bucket}/${prefix} goes on but does not move`,
          );
        }
        const objects = listed.filter(({ key, sizeBytes }) => !(key.endsWith('/') && sizeBytes === 0));
        if (objects.length > 0 || !more) return { objects, more };
        after = last;
      }
    } catch (error) {
      throw castS3Error(error, { bucket, signal });
    }
  };

  const open: ObjectStore['open'] = async ({ key, etag, signal }) => {
    try {
      const { Body } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: `"${etag}"` }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      return readBody(Body as AsyncIterable<Uint8Array>, { bucket, key, signal });
    } catch (error) {
      throw castS3Error(error, { bucket, key, signal });
    }
  };

  return {
    list,
    open,
    async check({ prefix, signal }) {
      const { objects } = await list({ prefix, maxKeys: 1, signal });
      const [object] = objects;
      if (object === undefined) return;
      const chunks = (await open({ ...object, signal }))[Symbol.asyncIterator]();
      await chunks.next();
      await chunks.return?.();
    },
    close: () => client.destroy(),
  };
}

function toListed({ Key = '', ETag = '', Size = 0, LastModified }: _Object, encoded: boolean): ListedObject {
  return {
    key: encoded ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key,
    etag: ETag.replace(/^"|"$/g, ''),
    sizeBytes: Size,
    lastModified: (LastModified ?? new Date(0)).toISOString(),
  };
}

async function* readBody(
  body: AsyncIterable<Uint8Array>,
  place: { bucket: string; key: string; signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw castS3Error(error, place);
  }
}
