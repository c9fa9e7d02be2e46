/**
 * What of a notification queue is under way: messages for the same sources are loaded and deleted together, and apart from all others, so
 * that a source whose objects are large, or whose store does not answer, holds up nobody else's.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import type { QueueRoute } from '../sources/s3/queue-routes.ts';
import type { QueueMessage } from '../sources/s3/queue.ts';
import type { DrainedQueue } from './contracts.ts';
import {
  loadMessages,
  type MessagesToLoad,
  type ReadMessage,
  readMessage,
  type SettledMessages,
} from './queue-messages.ts';

/** Groups of objects that are read at once: one of a source, and so many in all, because a worker's memory is planned by activities. */
const groupsAtOnceMax = 4;

/** From so many messages on the next look waits for a moment. */
const busyMessages = 100;

/** A source with so many under way is slow: further ones of it are put off, and none of those counts as busy. */
const sourceMessagesMax = 300;
const putOffSeconds = 60;

/** Bounds the memory of messages. */
const messagesMax = 2000;

/** So many failures are told. */
const failedMax = 5;

export interface Drain {
  take(messages: readonly QueueMessage[], routes: readonly QueueRoute[]): void;
  isIdle(): boolean;
  isBusy(): boolean;
  isFull(): boolean;
  /** The first error that is none of an object. */
  trouble(): unknown;
  /** Begins no further groups of objects, and resolves when nothing is under way: a source with a backlog would hold the activity for hours. */
  finished(): Promise<void>;
  total(more: boolean): DrainedQueue;
}

export function openDrain(options: Omit<MessagesToLoad, 'reads' | 'inTurn'>): Drain {
  const settled: SettledMessages[] = [];
  const underWay = new Set<Promise<void>>();
  /** Messages under way, in all and by source. */
  let messages = 0;
  const bySource = new Map<string, number>();
  let trouble: unknown;
  let isEnding = false;

  const turns = new Map<string, LimitFunction>();
  const groups = pLimit(groupsAtOnceMax);
  const inTurn: MessagesToLoad['inTurn'] = (route, load) => {
    const name = nameOf(route);
    const turn = turns.get(name) ?? pLimit(1);
    turns.set(name, turn);
    return turn(() => groups(async () => (isEnding ? undefined : load())));
  };

  function start(reads: readonly ReadMessage[], work: () => Promise<SettledMessages>): void {
    const sources = sourcesOf(reads);
    const count = (sign: 1 | -1) => {
      messages += sign * reads.length;
      for (const name of sources) bySource.set(name, (bySource.get(name) ?? 0) + sign * reads.length);
    };
    const run = async () => {
      try {
        const result = await work();
        settled.push(result);
        trouble ??= result.trouble;
      } catch (error) {
        trouble ??= error;
      } finally {
        count(-1);
      }
    };
    count(1);
    const running = run().finally(() => underWay.delete(running));
    underWay.add(running);
  }

  const isSlow = (source: string) => (bySource.get(source) ?? 0) >= sourceMessagesMax;

  return {
    take(received, routes) {
      const reads = received.map((message) => readMessage(message, routes));
      const putOff = reads.filter((read) => sourcesOf([read]).some(isSlow));
      if (putOff.length > 0) {
        start([], async () => {
          const slow = putOff.map(({ message }) => message);
          await options.queue.hold(slow, putOffSeconds);
          return { ...nothing, received: slow.length };
        });
      }
      const taken = reads.filter((read) => !putOff.includes(read));
      for (const part of partsOf(taken)) start(part, () => loadMessages({ ...options, reads: part, inTurn }));
    },
    isIdle: () => underWay.size === 0,
    isBusy: () => messages - sum([...bySource.values()].filter((count) => count >= sourceMessagesMax)) >= busyMessages,
    isFull: () => messages >= messagesMax,
    trouble: () => trouble,
    async finished() {
      isEnding = true;
      while (underWay.size > 0) await Promise.all(underWay);
    },
    total: (more) => ({ ...totalOf(settled), more }),
  };
}

const nothing: SettledMessages = {
  received: 0,
  done: 0,
  kept: 0,
  foreign: {},
  loaded: { batches: 0, records: 0, rowsAdded: 0, deadLetters: 0 },
  failed: [],
};

function totalOf(settled: readonly SettledMessages[]): Omit<DrainedQueue, 'more' | 'trouble'> {
  const foreign: Record<string, number> = {};
  for (const [bucket, count] of settled.flatMap((each) => Object.entries(each.foreign)))
    foreign[bucket] = (foreign[bucket] ?? 0) + count;
  return {
    received: sum(settled.map(({ received }) => received)),
    done: sum(settled.map(({ done }) => done)),
    kept: sum(settled.map(({ kept }) => kept)),
    foreign,
    loaded: {
      batches: sum(settled.map(({ loaded }) => loaded.batches ?? 0)),
      records: sum(settled.map(({ loaded }) => loaded.records)),
      rowsAdded: sum(settled.map(({ loaded }) => loaded.rowsAdded)),
      deadLetters: sum(settled.map(({ loaded }) => loaded.deadLetters)),
    },
    failed: settled.flatMap(({ failed }) => failed).slice(0, failedMax),
  };
}

/** By the sources that they are for: nearly always one. */
function partsOf(reads: readonly ReadMessage[]): ReadMessage[][] {
  const parts = new Map<string, ReadMessage[]>();
  for (const read of reads) {
    const key = sourcesOf([read]).toSorted().join(' ');
    parts.set(key, [...(parts.get(key) ?? []), read]);
  }
  return [...parts.values()];
}

function sourcesOf(reads: readonly ReadMessage[]): string[] {
  return [...new Set(reads.flatMap(({ wanted }) => wanted.map(({ route }) => nameOf(route))))];
}

const nameOf = ({ tenantId, sourceId }: QueueRoute): string => `${tenantId}/${sourceId}`;

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
