/** Keeps messages from everybody else for as long as they are worked on. */
import type { MessageQueue, QueueMessage } from './queue.ts';

export interface Lease {
  readonly queue: MessageQueue;
  readonly messages: readonly QueueMessage[];
  /** As they were received with; extended each third of it. */
  readonly visibilitySeconds: number;
  /** Others may get the messages too: that costs them a look at the ledger. */
  readonly onLost: (error: unknown) => void;
}

export async function withLease<T>(
  { queue, messages, visibilitySeconds, onLost }: Lease,
  work: () => Promise<T>,
): Promise<T> {
  const extend = () => void queue.hold(messages, visibilitySeconds).catch(onLost);
  const timer = setInterval(extend, (visibilitySeconds / 3) * 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
