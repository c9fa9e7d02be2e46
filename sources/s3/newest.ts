/** The newest object of a source, found with a few listings: what its collector ships today. */
import type { S3Settings } from '../settings.ts';
import type { ListedObject, ObjectStore } from './client.ts';
import { partitionAt } from './plan.ts';

export interface Newest {
  /** Absent where there is none at all. An archived one only where there is no other. */
  readonly object?: ListedObject;
  /** Objects that were looked at. */
  readonly seen: number;
  /** There are more than were looked at. */
  readonly more: boolean;
  /** Key behind which they lie; empty: the whole prefix. */
  readonly after: string;
}

const listsMax = 10;
const dayMs = 86_400_000;
/** How long before now partitions are looked into, if need be. */
const daysBack = [0, 1, 7, 31, 366];

/** With `layout` the last key of the latest partitions, else the one uploaded last among the first 10,000. Throws what listing throws. */
export async function findNewest(
  store: Pick<ObjectStore, 'list'>,
  settings: S3Settings,
  nowMs: number,
  signal: AbortSignal,
): Promise<Newest> {
  const starts =
    settings.layout === undefined ? [] : daysBack.map((days) => partitionAt(settings, nowMs - days * dayMs));
  for (const after of starts) {
    const found = await listBehind(store, settings, after, signal);
    if (found.object !== undefined) return found;
  }
  return listBehind(store, settings, '', signal);
}

async function listBehind(
  store: Pick<ObjectStore, 'list'>,
  { prefix, layout }: S3Settings,
  after: string,
  signal: AbortSignal,
): Promise<Newest> {
  const isNewer = (object: ListedObject, other: ListedObject) => {
    if (object.archived !== other.archived) return object.archived === undefined;
    return layout !== undefined || object.lastModified >= other.lastModified;
  };
  let newest: ListedObject | undefined;
  let [seen, more, startAfter] = [0, true, after];
  for (let lists = 0; more && lists < listsMax; lists += 1) {
    const page = await store.list({ prefix, ...(startAfter === '' ? {} : { startAfter }), signal });
    for (const object of page.objects) if (newest === undefined || isNewer(object, newest)) newest = object;
    seen += page.objects.length;
    startAfter = page.objects.at(-1)?.key ?? startAfter;
    ({ more } = page);
  }
  return { ...(newest === undefined ? {} : { object: newest }), seen, more, after };
}
