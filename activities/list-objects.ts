import type { ListedObject } from '../sources/s3/client.ts';
/** Lists the next objects of an S3 source. */
import { keyTimeMs } from '../sources/s3/key-time.ts';
import type { ListedObjects, ListObjectsInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

const pageKeysMax = 1000;

export function createListObjects({ stores }: Dependencies) {
  /** At most `limit` objects in key order, so that the answer stays far below Temporal's 2 MB. Throws the codes of sources/s3. */
  return function listObjects(input: ListObjectsInput): Promise<ListedObjects> {
    const { settings, range, limit } = input;
    const listedAt = new Date().toISOString();
    return withHeartbeat(async (signal) => {
      const store = await stores.of(settings);
      const isWanted = range === undefined ? () => true : createRangeFilter(range);
      const objects: ListedObject[] = [];
      let lastKey = input.startAfter;
      for (let more = true; more;) {
        const maxKeys = range === undefined ? limit : pageKeysMax;
        const page = await store.list({
          prefix: settings.prefix,
          maxKeys,
          signal,
          ...(lastKey === undefined ? {} : { startAfter: lastKey }),
        });
        ({ more } = page);
        for (const object of page.objects) {
          // the page's rest is listed again from here
          if (objects.length === limit) return answer(objects, lastKey, true);
          lastKey = object.key;
          if (isWanted(object)) objects.push(object);
        }
        if (range === undefined) return answer(objects, lastKey, more);
      }
      return answer(objects, lastKey, false);
    });

    function answer(objects: readonly ListedObject[], lastKey: string | undefined, more: boolean): ListedObjects {
      return {
        objects: objects.map((object) => ({ kind: 's3', bucket: settings.bucket, ...object })),
        ...(lastKey === undefined ? {} : { lastKey }),
        more,
        listedAt,
      };
    }
  };
}

export function createRangeFilter({
  from,
  to,
  by,
}: NonNullable<ListObjectsInput['range']>): (object: ListedObject) => boolean {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  return ({ key, lastModified }) => {
    const timeMs = by === 'key' ? keyTimeMs(key) : Date.parse(lastModified);
    return timeMs !== undefined && timeMs >= fromMs && timeMs < toMs;
  };
}
