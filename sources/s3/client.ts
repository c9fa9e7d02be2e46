/** Lists and reads the objects of a bucket, on AWS and on stores that speak its protocol. */
import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  type _Object,
  type RestoreStatus,
} from '@aws-sdk/client-s3';
import { type ErrorCode, IngestError } from '../../errors/ingest-error.ts';
import { checkEndpoint, publicLookup } from '../endpoint.ts';
import type { AwsCredentials } from './credentials.ts';
import { download, type ObjectPart } from './download.ts';
import { castS3Error } from './errors.ts';
import { isKeyBefore } from './plan.ts';

export interface ObjectStoreOptions {
  readonly bucket: string;
  readonly region: string;
  /** Of a store that is not AWS; buckets are then addressed by path. */
  readonly endpoint?: string | undefined;
  /** Default: the AWS chain (environment, profile, instance role). */
  readonly credentials?: AwsCredentials | undefined;
  /** We pay for requests and traffic, where the bucket's owner asks for that. */
  readonly requesterPays?: boolean;
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
  /** It lies in an archive class and was not restored: it cannot be read. Absent otherwise, and where only reading tells. */
  readonly archived?: true;
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

export interface HeadObject extends Pick<ListedObject, 'key'> {
  readonly signal?: AbortSignal | undefined;
}

export interface OpenObject extends Pick<ListedObject, 'key' | 'etag' | 'archived'> {
  /** As it was listed: 0 where the store does not say. */
  readonly sizeBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Every method throws IngestError `s3.…` or `config.endpoint_refused`, and the signal's reason when it aborts. */
export interface ObjectStore {
  /** Objects in the order of keys, behind `startAfter`; `s3.unordered` where the store has another one. Folder markers are left out; empty objects are not. */
  list(request: ListObjects): Promise<Listing>;
  /** The current version of one object; undefined where there is none, or a folder marker. */
  head(request: HeadObject): Promise<ListedObject | undefined>;
  /**
   * The bytes of that version of the object, through a few broken connections; `s3.object_changed` where it was overwritten, `s3.object_archived` where it must be
   * restored first. To be iterated once, and always: the
   * connection is held until then.
   */
  open(request: OpenObject): Promise<AsyncIterable<Uint8Array>>;
  /** Gets what requests are signed with: keys, the AWS chain's, or those of the role. */
  authorize(): Promise<void>;
  /** Does what reading a source does, on its first object: lists the prefix, opens the object. */
  check(request: Pick<ListObjects, 'prefix' | 'signal'>): Promise<void>;
  close(): void;
}

/** In a row. Where many keys were deleted a store answers with pages that have none, and nothing to go on from but a token. */
const emptyPagesMax = 100;

const timeouts = { connectionTimeout: 10_000, socketTimeout: 120_000 };

export function createObjectStore(options: ObjectStoreOptions): ObjectStore {
  const { bucket, region, endpoint, credentials, requesterPays = false, allowPrivateEndpoints } = options;
  if (endpoint !== undefined) checkEndpoint(endpoint, { allowPrivateEndpoints });
  // AWS's own names are no danger, and private addresses where a VPC has an endpoint for S3.
  const guarded = endpoint !== undefined && !allowPrivateEndpoints;
  const client = new S3Client({
    region,
    // AWS_ENDPOINT_URL_S3 and its like are for the store of lake and landing: a customer's requests do not belong there
    ignoreConfiguredEndpointUrls: true,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: { ...timeouts, ...(guarded ? { httpsAgent: { lookup: publicLookup } } : {}) },
  });
  const payer = requesterPays ? ({ RequestPayer: 'requester' } as const) : {};

  const list: ObjectStore['list'] = async ({ prefix, startAfter, maxKeys = 1000, signal }) => {
    try {
      let [after, emptyPages] = [startAfter, 0];
      for (let token: string | undefined; ;) {
        const page = await client.send(
          new ListObjectsV2Command({
            Bucket: bucket,
            ...payer,
            Prefix: prefix,
            StartAfter: after,
            ContinuationToken: token,
            MaxKeys: maxKeys,
            // XML cannot hold every character that a key may have: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
            EncodingType: 'url',
            OptionalObjectAttributes: ['RestoreStatus'],
          }),
          signal === undefined ? {} : { abortSignal: signal },
        );
        const listed = (page.Contents ?? []).map((object) => toListed(object, page.EncodingType === 'url'));
        const more = page.IsTruncated === true;
        const last = listed.at(-1)?.key;
        if (more && (last === undefined || last === after)) {
          const next = page.NextContinuationToken;
          emptyPages += 1;
          if (next === undefined || next === '' || next === token || emptyPages > emptyPagesMax) {
            throw new IngestError(
              's3.unavailable',
              `S3: the listing of s3://${bucket}/${prefix} goes on but does not move`,
            );
          }
          token = next;
          continue;
        }
        const objects = listed.filter((object) => !isFolderMarker(object));
        refuseUnordered(objects, after, bucket);
        if (objects.length > 0 || !more) return { objects, more };
        [after, token, emptyPages] = [last, undefined, 0];
      }
    } catch (error) {
      throw castS3Error(error, { bucket, signal });
    }
  };

  const head: ObjectStore['head'] = async ({ key, signal }) => {
    try {
      const answer = await client.send(
        new HeadObjectCommand({ Bucket: bucket, ...payer, Key: key }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      const object = toListed(
        { Key: key, ...answer, Size: answer.ContentLength, RestoreStatus: toRestoreStatus(answer.Restore) },
        false,
      );
      return isFolderMarker(object) ? undefined : object;
    } catch (error) {
      const cast = castS3Error(error, { bucket, key, signal });
      const code = cast instanceof IngestError ? cast.code : undefined;
      if (code !== 's3.object_missing' && code !== 's3.object_refused') throw cast;
      // The answer to HEAD has no body that says what is wrong: where it is bucket or signature, listing throws.
      await list({ prefix: key, maxKeys: 1, signal });
      if (code === 's3.object_refused') throw cast;
      return undefined;
    }
  };

  const get = async ({ key, etag, signal }: OpenObject, offsetBytes: number): Promise<ObjectPart> => {
    try {
      const { Body, ContentLength, ContentRange, ETag, $metadata } = await client.send(
        new GetObjectCommand({
          Bucket: bucket,
          ...payer,
          Key: key,
          IfMatch: `"${etag}"`,
          ...(offsetBytes === 0 ? {} : { Range: `bytes=${offsetBytes}-` }),
        }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      const refuse = (code: ErrorCode, words: string): never => {
        (Body as Readable).destroy();
        throw new IngestError(code, `S3: s3://${bucket}/${key} ${words}`);
      };
      // Not every store honours If-Match where a range is asked for, and two versions must not become one object.
      if (offsetBytes > 0 && ETag !== undefined && unquoted(ETag) !== etag) {
        refuse('s3.object_changed', 'was overwritten while it was read');
      }
      const [, begin, whole] = /^bytes (\d+)-\d*(?:\/(\d+))?/.exec(ContentRange ?? '') ?? [];
      if ($metadata.httpStatusCode === 206 && begin === undefined) {
        refuse('s3.unavailable', 'was answered with a range that does not say where it begins');
      }
      const beginsAt = Number(begin ?? 0);
      const end = ContentLength === undefined ? undefined : beginsAt + ContentLength;
      return {
        body: Body as ObjectPart['body'],
        offsetBytes: beginsAt,
        endBytes: whole === undefined ? end : Number(whole),
      };
    } catch (error) {
      throw castS3Error(error, { bucket, key, signal });
    }
  };

  const open: ObjectStore['open'] = async (object) => {
    const { key, archived, sizeBytes, signal } = object;
    if (archived === true) throw new IngestError('s3.object_archived', `S3: s3://${bucket}/${key} is archived`);
    return download({
      first: await get(object, 0),
      listedBytes: sizeBytes === 0 ? undefined : sizeBytes,
      request: (offsetBytes) => get(object, offsetBytes),
      cast: (error) => castS3Error(error, { bucket, key, signal }),
      signal,
    });
  };

  return {
    list,
    head,
    open,
    async authorize() {
      try {
        await client.config.credentials();
      } catch (error) {
        throw castS3Error(error, { bucket });
      }
    },
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

/**
 * Cursors rely on the order of keys. A store that lists by directory (`a/x` before `a-1`) has objects where no listing behind a key shows them, and
 * others that it shows again and again.
 */
function refuseUnordered(objects: readonly ListedObject[], startAfter: string | undefined, bucket: string): void {
  let before = startAfter;
  for (const { key } of objects) {
    if (before !== undefined && isKeyBefore(key, before)) {
      throw new IngestError(
        's3.unordered',
        `S3: s3://${bucket}/${key} is listed behind ${before}, which it sorts before`,
      );
    }
    before = key;
  }
}

type Described = Partial<Pick<_Object, 'Key' | 'ETag' | 'Size' | 'LastModified' | 'RestoreStatus'>> & {
  readonly StorageClass?: string | undefined;
};

function toListed(
  { Key = '', ETag = '', Size = 0, LastModified, StorageClass, RestoreStatus }: Described,
  encoded: boolean,
): ListedObject {
  const archived = archiveClasses.has(StorageClass ?? '') && RestoreStatus?.RestoreExpiryDate === undefined;
  return {
    key: encoded ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key,
    etag: unquoted(ETag),
    sizeBytes: Size,
    lastModified: (LastModified ?? new Date(0)).toISOString(),
    ...(archived ? { archived } : {}),
  };
}

/** What consoles make of a new folder: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-folders.html */
function isFolderMarker({ key, sizeBytes }: ListedObject): boolean {
  return key.endsWith('/') && sizeBytes === 0;
}

function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, '');
}

/** Glacier Instant Retrieval (GLACIER_IR) is read as any other: https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html */
const archiveClasses: ReadonlySet<string> = new Set(['GLACIER', 'DEEP_ARCHIVE']);

/** The header x-amz-restore: `ongoing-request="false", expiry-date="…"` when there is a copy to read. */
function toRestoreStatus(header: string | undefined): RestoreStatus | undefined {
  const expiry = header === undefined ? undefined : /expiry-date="([^"]+)"/.exec(header)?.[1];
  return expiry === undefined ? undefined : { RestoreExpiryDate: new Date(expiry) };
}
