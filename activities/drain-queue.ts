/** Looks into a notification queue once: loads what its messages name, and deletes them when that is in the lake. */
import { setMaxListeners } from 'node:events';
import { cancellationSignal, log } from '@temporalio/activity';
import pMap from 'p-map';
import { IngestError } from '../errors/ingest-error.ts';
import type { QueueLetter } from '../lake/queue-letters.ts';
import { withLease } from '../sources/s3/lease.ts';
import { type CreatedObject, parseNotification } from '../sources/s3/notifications.ts';
import { groupObjects } from '../sources/s3/plan.ts';
import { type QueueRoute, routesOf } from '../sources/s3/queue-routes.ts';
import type { MessageQueue, QueueMessage } from '../sources/s3/queue.ts';
import type { DrainedQueue, DrainQueueInput, ObjectToLoad } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { type GroupDependencies, loadGroup, objectsAtOnceMax, type Outcome, summary } from './object-group.ts';

/** Of one look: about as many as one group of small objects, so that one commit takes them. */
const messagesMax = 100;
const waitSeconds = 1;

/** Nobody else gets the messages for so long, and as often again while their objects are loaded. */
const visibilitySeconds = 120;

/** A message whose object cannot be loaded is received again after so long. */
const retrySeconds = 300;

/** After so many receipts it is kept as a letter; what listing finds is loaded all the same. */
const receiptsMax = 10;

/** So many failures are told. */
const failedMax = 5;

interface DrainDependencies extends GroupDependencies, Pick<Dependencies, 'queues'> {
  readonly lake: GroupDependencies['lake'] & Pick<Dependencies['lake'], 'keepQueueLetters'>;
}

/** What is known of a message before anything is loaded. */
interface Read {
  readonly message: QueueMessage;
  /** Each object of the message with each source that it belongs to. */
  readonly wanted: readonly { readonly route: QueueRoute; readonly object: CreatedObject }[];
  readonly foreignBuckets: readonly string[];
  /** Why it is a letter. */
  readonly unreadable?: string;
}

export function createDrainQueue(dependencies: DrainDependencies) {
  /**
   * Idempotent: a message that comes twice, or again after a worker died, names objects that the ledger has.
   * Throws the codes of sources/s3/queue.ts and `lake.*`; what fails with an object is told in the answer.
   */
  return async function drainQueue({ queueUrl, region, routes }: DrainQueueInput): Promise<DrainedQueue> {
    const signal = cancellationSignal();
    // each request of a group listens
    setMaxListeners(4 * objectsAtOnceMax, signal);
    const [first] = routes;
    if (first === undefined) throw new Error(`${queueUrl} has no routes`);
    const queue = await dependencies.queues.of({ queueUrl, region, reader: first.settings });
    const { messages, more } = await receive(queue, signal);
    const onLost = (error: unknown) => log.warn('messages could not be held', { queueUrl, error: String(error) });
    return withLease({ queue, messages, visibilitySeconds, onLost }, async () => {
      const reads = messages.map((message) => readMessage(message, routes));
      const outcomes = await loadAll(dependencies, reads, signal);
      return settle(dependencies, { queueUrl, queue, reads, outcomes, more });
    });
  };
}

async function receive(queue: MessageQueue, signal: AbortSignal): Promise<{ messages: QueueMessage[]; more: boolean }> {
  const messages: QueueMessage[] = [];
  while (messages.length < messagesMax) {
    const received = await queue.receive({ waitSeconds, visibilitySeconds, signal });
    if (received.length === 0) return { messages, more: false };
    messages.push(...received);
  }
  return { messages, more: true };
}

function readMessage(message: QueueMessage, routes: readonly QueueRoute[]): Read {
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

/** Outcomes by source and key. */
type Outcomes = ReadonlyMap<QueueRoute, ReadonlyMap<string, Outcome>>;

async function loadAll(
  dependencies: DrainDependencies,
  reads: readonly Read[],
  signal: AbortSignal,
): Promise<Outcomes> {
  const keys = new Map<QueueRoute, Set<string>>();
  for (const { route, object } of reads.flatMap(({ wanted }) => wanted)) {
    keys.set(route, (keys.get(route) ?? new Set()).add(object.key));
  }
  const outcomes = new Map<QueueRoute, Map<string, Outcome>>();
  for (const [route, wanted] of keys) outcomes.set(route, await loadRoute(dependencies, route, [...wanted], signal));
  return outcomes;
}

/** The versions that are there now: an event may be older than the object. */
async function loadRoute(
  dependencies: DrainDependencies,
  { tenantId, sourceId, settings }: QueueRoute,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Outcome>> {
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
    const loaded = await loadGroup(dependencies, { tenantId, sourceId, settings, objects: group }, signal);
    signal.throwIfAborted();
    for (const [index, { key }] of group.entries()) outcomes.set(key, loaded[index] as Outcome);
  }
  return outcomes;
}

interface Settling {
  readonly queueUrl: string;
  readonly queue: MessageQueue;
  readonly reads: readonly Read[];
  readonly outcomes: Outcomes;
  readonly more: boolean;
}

/** Letters are in the lake before their messages are deleted. */
async function settle(
  { lake }: DrainDependencies,
  { queueUrl, queue, reads, outcomes, more }: Settling,
): Promise<DrainedQueue> {
  const failuresOf = ({ wanted }: Read) =>
    wanted.flatMap(({ route, object }) => {
      const outcome = outcomes.get(route)?.get(object.key);
      return outcome?.kind === 'failed' ? [outcome.error] : [];
    });
  const letters: QueueLetter[] = [];
  const [done, again]: [QueueMessage[], QueueMessage[]] = [[], []];
  for (const read of reads) {
    const { message, unreadable } = read;
    const letter = { queueUrl, messageId: message.messageId, body: message.body, sentAtMs: message.sentAtMs };
    const [failure] = failuresOf(read);
    if (unreadable !== undefined) letters.push({ ...letter, code: 'unreadable', reason: unreadable });
    else if (failure === undefined) done.push(message);
    else if (message.receipts < receiptsMax || isLakeTrouble(failure)) again.push(message);
    else
      letters.push({ ...letter, code: 'unloadable', reason: failure instanceof Error ? failure.message : 'unknown' });
  }
  if (letters.length > 0) await lake.keepQueueLetters(letters);
  const keptIds = new Set(letters.map(({ messageId }) => messageId));
  const kept = reads.map(({ message }) => message).filter(({ messageId }) => keptIds.has(messageId));
  const undeleted = await queue.delete([...done, ...kept]);
  if (undeleted > 0) log.warn('messages could not be deleted and will come again', { queueUrl, messages: undeleted });
  await queue.hold(again, retrySeconds);

  // Each object counts for its source; one that failed for a reason that is not its own fails the look.
  const all = [...outcomes].flatMap(([route, byKey]) => [...byKey.values()].map((outcome) => ({ route, outcome })));
  for (const { outcome } of all) {
    if (outcome.kind === 'failed' && (!(outcome.error instanceof IngestError) || isLakeTrouble(outcome.error)))
      throw outcome.error;
  }
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
    failed: failedOf(all),
    more,
  };
}

function failedOf(all: readonly { route: QueueRoute; outcome: Outcome }[]): DrainedQueue['failed'] {
  return all
    .filter(({ outcome }) => outcome.kind === 'failed')
    .slice(0, failedMax)
    .flatMap(({ route: { tenantId, sourceId }, outcome }) =>
      summary([outcome], 1).failed.map((failed) => ({ tenantId, sourceId, ...failed })),
    );
}

function isLakeTrouble(error: unknown): boolean {
  return error instanceof IngestError && error.code.startsWith('lake.');
}
