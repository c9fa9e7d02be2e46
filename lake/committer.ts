/**
 * Group commit: one committer per process takes all batches that wait and commits them together, because the price of a commit is
 * the same for one batch as for fifty, and two commits at once only fight for the next snapshot.
 */
import { IngestError } from '../errors/ingest-error.ts';
import type { SealedStage } from './stage.ts';

/** So many batches at most in one transaction: bounds its time and memory. */
const groupMax = 64;

interface Waiting {
  readonly stage: SealedStage;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface Committer {
  /** Resolves once the batch is in the lake, by this commit or an earlier one. */
  commit(stage: SealedStage): Promise<void>;
  /** Resolves when nothing is under way. */
  drain(): Promise<void>;
}

export function createCommitter(commitBatches: (stages: readonly SealedStage[]) => Promise<void>): Committer {
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.splice(0, groupMax);
      try {
        await commitBatches(group.map(({ stage }) => stage));
        for (const { resolve } of group) resolve();
      } catch (error) {
        await settleFailedGroup(group, error);
      }
    }
    running = undefined;
  }

  /** One batch's fault is nobody else's: each is tried alone, unless the lake itself is what failed. */
  async function settleFailedGroup(group: readonly Waiting[], error: unknown): Promise<void> {
    const alone = group.length > 1 && !(error instanceof IngestError);
    for (const { stage, resolve, reject } of group) {
      if (!alone) {
        reject(error);
        continue;
      }
      await commitBatches([stage]).then(resolve, reject);
    }
  }

  return {
    commit(stage) {
      return new Promise((resolve, reject) => {
        queue.push({ stage, resolve, reject });
        running ??= run();
      });
    },
    async drain() {
      await running;
    },
  };
}
