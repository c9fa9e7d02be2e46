/** Counts the objects of a time, and those of them that the lake has. */
import { cancellationSignal } from '@temporalio/activity';
import { batchId } from '../sources/batch.ts';
import type { ListedObject } from '../sources/s3/client.ts';
import { keyTimeMs } from '../sources/s3/key-time.ts';
import type { CountObjectsInput, ObjectCount } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { createRangeFilter } from './list-objects.ts';

export function createCountObjects({ lake, stores }: Dependencies) {
  /** Lists the whole prefix. Throws the codes of sources/s3 and `lake.*`. */
  return async function countObjects(input: CountObjectsInput): Promise<ObjectCount> {
    const { settings, range } = input;
    const isWanted = createRangeFilter(range, settings.prefix);
    const hasNoDate = ({ key }: ListedObject) => range.by === 'key' && keyTimeMs(key, settings.prefix) === undefined;
    const signal = cancellationSignal();
    const store = await stores.of(settings);
    let count: ObjectCount = { objects: 0, sizeBytes: 0, alreadyLoaded: 0, undated: 0 };
    let startAfter = '';
    for (let more = true; more;) {
      const page = await store.list({
        prefix: settings.prefix,
        maxKeys: 1000,
        signal,
        ...(startAfter === '' ? {} : { startAfter }),
      });
      ({ more } = page);
      startAfter = page.objects.at(-1)?.key ?? startAfter;
      const wanted = page.objects.filter(isWanted);
      const loaded = await lake.receipts(
        wanted.map((object) => batchId(input, { kind: 's3', bucket: settings.bucket, ...object })),
      );
      count = {
        objects: count.objects + wanted.length,
        sizeBytes: count.sizeBytes + wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        alreadyLoaded: count.alreadyLoaded + loaded.size,
        undated: (count.undated ?? 0) + page.objects.filter(hasNoDate).length,
      };
    }
    return count;
  };
}
