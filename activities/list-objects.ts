/** Lists the next objects of an S3 source. */
import type { ListedObjects, ListObjectsInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

export function createListObjects({ stores }: Dependencies) {
  /** At most `limit` objects in key order, so that the answer stays far below Temporal's 2 MB. Throws the codes of sources/s3. */
  return async function listObjects({ settings, startAfter, limit }: ListObjectsInput): Promise<ListedObjects> {
    const listedAt = new Date().toISOString();
    const store = await stores.of(settings);
    const page = await store.list({
      prefix: settings.prefix,
      maxKeys: limit,
      ...(startAfter === undefined ? {} : { startAfter }),
    });
    return {
      objects: page.objects.map((object) => ({ kind: 's3', bucket: settings.bucket, ...object })),
      more: page.more,
      listedAt,
    };
  };
}
