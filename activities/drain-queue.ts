/** Drains a notification queue: receives for a while, and loads meanwhile what the messages name. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { IngestError } from '../errors/ingest-error.ts';
import type { MessageQueue, QueueMessage } from '../sources/s3/queue.ts';
import type { DrainedQueue, DrainQueueInput } from './contracts.ts';
import { openDrain } from './queue-drain.ts';
import type { DrainDependencies } from './queue-messages.ts';
import { routesReader } from './queue-routes.ts';

/** Of one look: about as many as one group of small objects, so that one commit takes them. */
const messagesMax = 100;
const waitSeconds = 1;

/** A look takes no longer: what it has received waits meanwhile, and its lease begins behind it. */
const lookMs = 5000;

/** Nobody else gets the messages for so long, and as often again while their objects are loaded. */
const visibilitySeconds = 120;

const napMs = 100;

export function createDrainQueue(dependencies: DrainDependencies) {
  /**
   * Idempotent: a message that comes twice, or again after a worker died, names objects that the ledger has.
   * Throws the codes of sources/s3/queue.ts and `lake.*`; what fails with an object is told in the answer.
   */
  return async function drainQueue(input: DrainQueueInput): Promise<DrainedQueue> {
    const { queueUrl, region, reader, everySeconds, receiveSeconds } = input;
    const signal = cancellationSignal();
    // each request of many groups listens
    setMaxListeners(0, signal);
    const queue = await dependencies.queues.of({ queueUrl, region, reader });
    const readRoutes = routesReader();
    const drain = openDrain({ dependencies, queueUrl, queue, visibilitySeconds, signal });
    const endsAtMs = performance.now() + receiveSeconds * 1000;
    let more = true;
    let [lookedAtMs, nextLookAtMs] = [0, 0];
    let trouble: unknown;
    try {
      while (performance.now() < endsAtMs) {
        trouble = drain.trouble();
        if (trouble !== undefined || (!more && drain.isIdle())) break;
        const nowMs = performance.now();
        // where many are under way the next look waits, but not for long: they may be of few sources
        if (nowMs < nextLookAtMs || drain.isFull() || (drain.isBusy() && nowMs < lookedAtMs + lookMs)) {
          await sleep(napMs, undefined, { signal });
          continue;
        }
        lookedAtMs = nowMs;
        const look = await receive(queue, signal);
        more = look.more;
        nextLookAtMs = more ? 0 : performance.now() + everySeconds * 1000;
        if (look.messages.length === 0) continue;
        // after receiving: what was said to the queue until now counts for these
        const { isPaused, routes } = await readRoutes();
        if (isPaused) {
          await queue.hold(look.messages, 0);
          break;
        }
        drain.take(look.messages, routes);
      }
    } catch (error) {
      trouble = error;
    }
    await drain.finished();
    signal.throwIfAborted();
    return told(drain.total(more), trouble ?? drain.trouble());
  };
}

async function receive(queue: MessageQueue, signal: AbortSignal): Promise<{ messages: QueueMessage[]; more: boolean }> {
  const messages: QueueMessage[] = [];
  const endsAtMs = performance.now() + lookMs;
  while (messages.length < messagesMax && performance.now() < endsAtMs) {
    const received = await queue.receive({ waitSeconds, visibilitySeconds, signal });
    if (received.length === 0) return { messages, more: false };
    messages.push(...received);
  }
  return { messages, more: true };
}

/** What went well counts although the rest failed; where nothing did, the failure is the activity's. */
function told(drained: DrainedQueue, trouble: unknown): DrainedQueue {
  if (trouble === undefined) return drained;
  if (!(trouble instanceof IngestError) || drained.done + drained.kept === 0) throw trouble;
  const { code, message, directive, remedy, retryAfterSeconds } = trouble;
  return {
    ...drained,
    trouble: {
      code,
      message,
      directive,
      remedy,
      attempts: activityInfo().attempt,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  };
}
