/**
 * The lake as workers hold it: opened anew after a thousand commits. DuckDB and DuckLake remember something of every commit for as long as they are
 * open, about 80 KB, and their limit of memory counts less than half of that. What is under way ends in the instance in which it began: two instances
 * go together as two processes do.
 */
import type { LakeSettings } from './connection.ts';
import { type Lake, openLake, type OpenLake } from './lake.ts';

interface Term {
  readonly lake: OpenLake;
  /** Calls under way. */
  calls: number;
  isOver: boolean;
}

const commitsPerTerm = 1000;

/** @throws IngestError `lake.unavailable`, `config.environment` */
export async function openRenewedLake(settings: LakeSettings, renewAfter = commitsPerTerm): Promise<Lake> {
  let term = await begin();
  let opening: Promise<void> | undefined;
  const closings = new Set<Promise<void>>();

  async function begin(): Promise<Term> {
    return { lake: await openLake(settings), calls: 0, isOver: false };
  }

  /** Where the lake cannot be opened now, the old instance does, and the next call tries again. */
  async function renew(): Promise<void> {
    const next = await begin().catch(() => undefined);
    if (next === undefined) return;
    const old = term;
    term = next;
    old.isOver = true;
    closeIfDone(old);
  }

  function closeIfDone({ lake, calls, isOver }: Term): void {
    if (!isOver || calls > 0) return;
    const closing = lake
      .close()
      .catch(() => undefined)
      .finally(() => closings.delete(closing));
    closings.add(closing);
  }

  async function using<T>(work: (lake: Lake) => Promise<T>): Promise<T> {
    const own = term;
    own.calls += 1;
    try {
      return await work(own.lake);
    } finally {
      own.calls -= 1;
      closeIfDone(own);
      if (own === term && isDue(own.lake, renewAfter)) opening ??= renew().finally(() => (opening = undefined));
    }
  }

  return {
    receipt: (batchId) => using((lake) => lake.receipt(batchId)),
    receipts: (batchIds) => using((lake) => lake.receipts(batchIds)),
    load: (...batch) => using((lake) => lake.load(...batch)),
    replace: (...batch) => using((lake) => lake.replace(...batch)),
    listBatches: (range) => using((lake) => lake.listBatches(range)),
    readLetters: (page) => using((lake) => lake.readLetters(page)),
    resolveLetters: (tenantId, solved) => using((lake) => lake.resolveLetters(tenantId, solved)),
    acknowledgeDrift: (entry) => using((lake) => lake.acknowledgeDrift(entry)),
    keepQueueLetters: (letters) => using((lake) => lake.keepQueueLetters(letters)),
    maintenance: {
      mergeable: () => using((lake) => lake.maintenance.mergeable()),
      merge: (...options) => using((lake) => lake.maintenance.merge(...options)),
      remove: (...options) => using((lake) => lake.maintenance.remove(...options)),
    },
    async close() {
      await opening;
      await term.lake.close();
      await Promise.all(closings);
    },
  };
}

/** Large batches take memory in the instance where they began: none is renewed in their midst, unless they never end. */
function isDue({ commits, stages }: OpenLake, renewAfter: number): boolean {
  return commits >= (stages === 0 ? renewAfter : 2 * renewAfter);
}
