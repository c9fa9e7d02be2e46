/** Messages of a notification queue: what they name is loaded, and they are deleted when that is in the lake. */
import { log } from '@temporalio/activity';
import pMap from 'p-map';
import { IngestError } from '../errors/ingest-error.ts';
import type { QueueLetter } from '../lake/queue-letters.ts';
import { withLease } from '../sources/s3/lease.ts';
import { type CreatedObject, parseNotification } from '../sources/s3/notifications.ts';
import { groupObjects } from '../sources/s3/plan.ts';
import { type QueueRoute, routesOf } from '../sources/s3/queue-routes.ts';
import type { MessageQueue, QueueMessage } from '../sources/s3/queue.ts';
import type { DrainedQueue, ObjectToLoad } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { type GroupDependencies, loadGroup, objectsAtOnceMax, type Outcome, summary } from './object-group.ts';

/** A message whose object cannot be loaded is received again after so long. */
const retrySeconds = 300;

/** After so many receipts it is kept as a letter; what listing finds is loaded all the same. */
const receiptsMax = 10;

/** One that no time was left for comes again after so long. */
const leftSeconds = 5;

export interface DrainDependencies extends GroupDependencies, Pick<Dependencies, 'queues'> {
  readonly lake: GroupDependencies['lake'] & Pick<Dependencies['lake'], 'keepQueueLetters'>;
}

/** What is known of a message before anything is loaded. */
export interface ReadMessage {
  readonly message: QueueMessage;
  /** Each object of the message with each source that it belongs to. */
  readonly wanted: readonly { readonly route: QueueRoute; readonly object: CreatedObject }[];
  readonly foreignBuckets: readonly string[];
  /** Why it is a letter. */
  readonly unreadable?: string;
}

export function readMessage(message: QueueMessage, routes: readonly QueueRoute[]): ReadMessage {
  const notification = parseNotification(message.body);
  switch (notification.kind) {
    case 'poison':
      return { message, wanted: [], foreignBuckets: [], unreadable: notification.reason };
    case 'ignored':
      return { message, wanted: [], foreignBuckets: [] };
    case 'created': {
      const owned = notification.objects.map((object) => ({ object, owners: routesOf(object, routes) }));
      return {
        message,
        wanted: owned.flatMap(({ object, owners }) =>
          owners.filter(({ paused }) => paused === undefined).map((route) => ({ route, object })),
        ),
        foreignBuckets: owned.filter(({ owners }) => owners.length === 0).map(({ object }) => object.bucket),
      };
    }
  }
}

export interface MessagesToLoad {
  readonly dependencies: DrainDependencies;
  readonly queueUrl: string;
  readonly queue: MessageQueue;
  readonly visibilitySeconds: number;
  readonly signal: AbortSignal;
  readonly reads: readonly ReadMessage[];
  /** Waits until the source may load a group, and loads it; undefined where there is no time left for that. */
  readonly inTurn: <T>(route: QueueRoute, load: () => Promise<T>) => Promise<T | undefined>;
}

/** `trouble`: an error that is none of an object. */
export type SettledMessages = Omit<DrainedQueue, 'more' | 'trouble'> & { readonly trouble?: unknown };

/** Nothing is deleted before all of its objects are in the lake. */
export async function loadMessages(work: MessagesToLoad): Promise<SettledMessages> {
  const { queueUrl, queue, visibilitySeconds, signal, reads } = work;
  const messages = reads.map(({ message }) => message);
  const onLost = (error: unknown) => log.warn('messages could not be held', { queueUrl, error: String(error) });
  return withLease({ queue, messages, visibilitySeconds, onLost }, async () => {
    try {
      return await settle(work, await loadAll(work));
    } catch (error) {
      // a worker that is about to end leaves them to another one, who need not wait for the end of the lease
      if (signal.aborted) await queue.hold(messages, 0).catch(onLost);
      throw error;
    }
  });
}

/** Outcomes by source and key. Objects that no time was left for have none. */
type Outcomes = ReadonlyMap<QueueRoute, ReadonlyMap<string, Outcome>>;

async function loadAll(work: MessagesToLoad): Promise<Outcomes> {
  const keys = new Map<QueueRoute, Set<string>>();
  for (const { route, object } of work.reads.flatMap(({ wanted }) => wanted)) {
    keys.set(route, (keys.get(route) ?? new Set()).add(object.key));
  }
  const loaded = [...keys].map(async ([route, wanted]) => [route, await loadRoute(work, route, [...wanted])] as const);
  return new Map(await Promise.all(loaded));
}

/** The versions that are there now: an event may be older than the object. */
async function loadRoute(
  { dependencies, signal, inTurn }: MessagesToLoad,
  route: QueueRoute,
  keys: readonly string[],
): Promise<Map<string, Outcome>> {
  const { tenantId, sourceId, settings } = route;
  const outcomes = new Map<string, Outcome>();
  const objects: ObjectToLoad[] = [];
  await pMap(
    keys,
    async (key) => {
      try {
        const store = await dependencies.stores.of(settings);
        const object = await store.head({ key, signal });
        if (object === undefined) outcomes.set(key, { kind: 'gone' });
        else objects.push(object);
      } catch (error) {
        signal.throwIfAborted();
        const object = { key, etag: '', sizeBytes: 0, lastModified: '' };
        outcomes.set(key, { kind: 'failed', object, error });
      }
    },
    { concurrency: objectsAtOnceMax },
  );
  for (const group of groupObjects(objects)) {
    const input = { tenantId, sourceId, settings, objects: group };
    const loaded = await inTurn(route, () => loadGroup(dependencies, input, signal));
    signal.throwIfAborted();
    if (loaded === undefined) break;
    for (const [index, { key }] of group.entries()) outcomes.set(key, loaded[index] as Outcome);
  }
  return outcomes;
}

/** Letters are in the lake before their messages are deleted. */
async function settle(
  { dependencies, queueUrl, queue, reads }: MessagesToLoad,
  outcomes: Outcomes,
): Promise<SettledMessages> {
  const failuresOf = ({ wanted }: ReadMessage) =>
    wanted.flatMap(({ route, object }) => {
      const outcome = outcomes.get(route)?.get(object.key);
      return outcome?.kind === 'failed' ? [outcome.error] : [];
    });
  const isLeft = ({ wanted }: ReadMessage) =>
    wanted.some(({ route, object }) => outcomes.get(route)?.has(object.key) !== true);
  const letters: QueueLetter[] = [];
  const [done, again, left]: [QueueMessage[], QueueMessage[], QueueMessage[]] = [[], [], []];
  for (const read of reads) {
    const { message, unreadable } = read;
    if (isLeft(read)) {
      left.push(message);
      continue;
    }
    const letter = { queueUrl, messageId: message.messageId, body: message.body, sentAtMs: message.sentAtMs };
    const [failure] = failuresOf(read);
    if (unreadable !== undefined) letters.push({ ...letter, code: 'unreadable', reason: unreadable });
    else if (failure === undefined) done.push(message);
    else if (message.receipts < receiptsMax || isLakeTrouble(failure)) again.push(message);
    else
      letters.push({ ...letter, code: 'unloadable', reason: failure instanceof Error ? failure.message : 'unknown' });
  }
  if (letters.length > 0) await dependencies.lake.keepQueueLetters(letters);
  const keptIds = new Set(letters.map(({ messageId }) => messageId));
  const kept = reads.map(({ message }) => message).filter(({ messageId }) => keptIds.has(messageId));
  const undeleted = await queue.delete([...done, ...kept]);
  if (undeleted > 0) log.warn('messages could not be deleted and will come again', { queueUrl, messages: undeleted });
  await queue.hold(again, retrySeconds);
  await queue.hold(left, leftSeconds);

  const all = [...outcomes].flatMap(([route, byKey]) => [...byKey.values()].map((outcome) => ({ route, outcome })));
  const trouble = all
    .flatMap(({ outcome }) => (outcome.kind === 'failed' ? [outcome.error] : []))
    .find((error) => !(error instanceof IngestError) || isLakeTrouble(error));
  const fresh = all.map(({ outcome }) => outcome).filter((outcome) => !(outcome.kind === 'loaded' && outcome.known));
  const { batches, records, rowsAdded, deadLetters } = summary(fresh, 1);
  const foreign: Record<string, number> = {};
  for (const bucket of reads.flatMap(({ foreignBuckets }) => foreignBuckets))
    foreign[bucket] = (foreign[bucket] ?? 0) + 1;
  return {
    received: reads.length,
    done: done.length,
    kept: kept.length,
    foreign,
    loaded: { batches, records, rowsAdded, deadLetters },
    failed: all.flatMap(({ route: { tenantId, sourceId }, outcome }) =>
      summary([outcome], 1).failed.map((failed) => ({ tenantId, sourceId, ...failed })),
    ),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

function isLakeTrouble(error: unknown): boolean {
  return error instanceof IngestError && error.code.startsWith('lake.');
}
