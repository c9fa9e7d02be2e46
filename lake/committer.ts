/**
 * Group commit: one committer per process takes all batches that wait and commits them together, because the price of a commit is
 * the same for one batch as for fifty, and two commits at once only fight for the next snapshot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../errors/ingest-error.ts';
import type { Receipt } from './ledger.ts';
import type { SealedStage } from './stage.ts';

/** So many batches at most in one transaction, and so many staged tables: bounds its time and memory. */
const batchesMax = 512;
const stagedTablesMax = 64;
const lingerLookMs = 10;

interface Waiting {
  readonly stage: SealedStage;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

export interface Committer {
  /** Resolves once the batch is in the lake, by this commit or an earlier one; with what the ledger says of it. */
  commit(stage: SealedStage): Promise<Receipt>;
  /** Resolves when nothing is under way. */
  drain(): Promise<void>;
}

type Receipts = ReadonlyMap<string, Receipt>;

/** `worthMs`: how long a commit should have waited for the batches that are being filled at that moment. */
export function createCommitter(
  commitBatches: (stages: readonly SealedStage[]) => Promise<Receipts>,
  worthMs: () => number = () => 0,
): Committer {
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (queue.length > 0) {
      if (worthMs() > 0) await linger();
      const group = queue.splice(0, groupSize(queue));
      try {
        const receipts = await commitBatches(group.map(({ stage }) => stage));
        for (const waiting of group) answer(waiting, receipts);
      } catch (error) {
        await settleFailedGroup(group, error);
      }
    }
    running = undefined;
  }

  async function linger(): Promise<void> {
    const fromMs = performance.now();
    while (queue.length < batchesMax && performance.now() - fromMs < worthMs()) await sleep(lingerLookMs);
  }

  /** One batch's fault is nobody else's: each is tried alone, unless the lake itself is what failed. */
  async function settleFailedGroup(group: readonly Waiting[], error: unknown): Promise<void> {
    // what is too much together may fit one by one
    const isLake = error instanceof IngestError && error.code !== 'lake.memory';
    const alone = group.length > 1 && !isLake;
    for (const waiting of group) {
      if (alone) await commitBatches([waiting.stage]).then((receipts) => answer(waiting, receipts), waiting.reject);
      else waiting.reject(error);
    }
  }

  function answer({ stage: { header }, resolve, reject }: Waiting, receipts: Receipts): void {
    const receipt = receipts.get(header.batchId);
    if (receipt === undefined)
      reject(new Error(`batch ${header.batchId} was committed but the ledger does not have it`));
    else resolve(receipt);
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

/** How many of those that wait go together: one at least. */
function groupSize(queue: readonly Waiting[]): number {
  let tables = 0;
  for (const [index, { stage }] of queue.entries()) {
    tables += stage.tables.length;
    const isEnough = index === batchesMax || tables > stagedTablesMax || hasFiles(stage);
    if (index > 0 && isEnough) return index;
    if (hasFiles(stage)) return 1;
  }
  return queue.length;
}

/** It is compared with nothing but what is in the lake when it is alone. */
const hasFiles = ({ tables }: SealedStage): boolean => tables.some(({ placed }) => placed !== undefined);
