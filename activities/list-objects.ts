/** Lists the next objects of an S3 source that the lake does not have. */
import { cancellationSignal } from '@temporalio/activity';
import { batchId } from '../sources/batch.ts';
import type { ListedObject } from '../sources/s3/client.ts';
import { keyTimeMs } from '../sources/s3/key-time.ts';
import { isKeyBefore } from '../sources/s3/plan.ts';
import type { ListedObjects, ListObjectsInput, ObjectToLoad } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

/** A page is taken whole, or its rest would be listed again: an answer has up to 999 more. */
const objectsEnough = 500;
/** Temporal takes payloads up to 2 MB, and histories are kept: https://docs.temporal.io/cloud/limits#per-message-grpc-limit */
const answerBytesMax = 512_000;
/** A slow store answers a hundred requests in more time than an activity has: what is listed by then is the answer. */
const listingMsMax = 30_000;

export function createListObjects({ lake, stores }: Pick<Dependencies, 'lake' | 'stores'>) {
  /**
   * Whole List pages of up to 1,000 keys, each with one question to the ledger, until `listsMax` or enough is found. Throws the codes of
   * sources/s3 and `lake.*`.
   */
  return async function listObjects(input: ListObjectsInput): Promise<ListedObjects> {
    const { settings, until, range, listsMax } = input;
    const listedAt = new Date().toISOString();
    const isWanted = range === undefined ? () => true : createRangeFilter(range, settings.prefix);
    const signal = cancellationSignal();
    const store = await stores.of(settings);
    const objects: ObjectToLoad[] = [];
    const startedMs = performance.now();
    let [lastKey, bytes, seen, listRequests] = [input.startAfter, 0, 0, 0];
    /** Of the last page; the one before it counts, too, because a last page may be one key that sorts behind all others. */
    let [newest, newestBefore]: (ListedObject | undefined)[] = [];
    const answer = (more: boolean): ListedObjects => {
      const uploadedLast = laterUpload(newestBefore, newest);
      return {
        objects,
        ...(lastKey === undefined ? {} : { lastKey }),
        ...(uploadedLast === undefined ? {} : { newest: uploadedLast.key }),
        more,
        listedAt,
        listRequests,
        seen,
      };
    };
    const hasTime = () => performance.now() - startedMs < listingMsMax;
    while (listRequests < listsMax && objects.length < objectsEnough && (listRequests === 0 || hasTime())) {
      const page = await store.list({ prefix: settings.prefix, startAfter: lastKey, signal });
      listRequests += 1;
      const within = page.objects.filter(({ key }) => until === undefined || !isKeyBefore(until, key));
      const loaded = await loadedOf(input, within.filter(isWanted));
      [newestBefore, newest] = [newest, undefined];
      for (const object of within) {
        const wanted = isWanted(object);
        if (wanted && !loaded.has(idOf(input, object))) {
          bytes += Buffer.byteLength(JSON.stringify(object)) + 1;
          // the page's rest is listed again from here
          if (bytes > answerBytesMax) return answer(true);
          objects.push(object);
        }
        if (wanted) seen += 1;
        lastKey = object.key;
        newest = laterUpload(newest, object);
      }
      if (!page.more || within.length < page.objects.length || lastKey === until) return answer(false);
    }
    return answer(true);
  };

  async function loadedOf(input: ListObjectsInput, wanted: readonly ListedObject[]) {
    if (wanted.length === 0) return new Map<string, unknown>();
    return lake.receipts(wanted.map((object) => idOf(input, object)));
  }
}

/** Of two that were uploaded at one time, the latter. */
function laterUpload(one: ListedObject | undefined, other: ListedObject | undefined): ListedObject | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  // times are ISO, of one form
  return other.lastModified >= one.lastModified ? other : one;
}

function idOf(input: ListObjectsInput, object: ListedObject): string {
  return batchId(input, { kind: 's3', bucket: input.settings.bucket, ...object });
}

export function createRangeFilter(
  { from, to, by }: NonNullable<ListObjectsInput['range']>,
  prefix: string,
): (object: ListedObject) => boolean {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  return ({ key, lastModified }) => {
    const timeMs = by === 'key' ? keyTimeMs(key, prefix) : Date.parse(lastModified);
    return timeMs !== undefined && timeMs >= fromMs && timeMs < toMs;
  };
}
