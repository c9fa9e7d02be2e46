/** The lake as its writers see it: stage a batch, commit it, ask the ledger. */
import type { TableName } from '../tables/table.ts';
import { commitBatches, readReceipt, type Receipt } from './commit.ts';
import { createCommitter } from './committer.ts';
import { type LakeSettings, openLakeInstance } from './connection.ts';
import { ensureSchema } from './schema.ts';
import { type BatchHeader, openStage, type Stage } from './stage.ts';
import { castLakeError } from './transaction.ts';

export interface Lake {
  /** What the ledger says of a batch; undefined while it is not in the lake. */
  receipt(batchId: string): Promise<Receipt | undefined>;
  /**
   * Stages what `fill` adds, commits it as one batch, and gives its receipt. Nothing of it is in the lake if `fill` throws.
   * @throws IngestError `lake.conflict`, `lake.unavailable`, and whatever `fill` throws
   */
  load(header: BatchHeader, tables: readonly TableName[], fill: (stage: Stage) => Promise<void>): Promise<Receipt>;
  /** Waits for commits under way. */
  close(): Promise<void>;
}

/** @throws IngestError `lake.unavailable`, `config.invalid` */
export async function openLake(settings: LakeSettings): Promise<Lake> {
  const opened = await openLakeInstance(settings, { readOnly: false });
  const committing = await opened.connect();
  await ensureSchema(committing);
  const committer = createCommitter(async (stages) => {
    await opened.refreshAccess();
    await commitBatches(committing, stages);
  });

  async function receipt(batchId: string): Promise<Receipt | undefined> {
    const connection = await opened.connect();
    try {
      return await readReceipt(connection, batchId);
    } catch (error) {
      throw castLakeError(error);
    } finally {
      connection.closeSync();
    }
  }

  return {
    receipt,
    async load(header, tables, fill) {
      const connection = await opened.connect();
      const stage = await openStage(connection, header, tables);
      try {
        await fill(stage);
        await committer.commit(await stage.seal());
      } finally {
        await stage.discard();
        connection.closeSync();
      }
      const committed = await receipt(header.batchId);
      if (committed === undefined)
        throw new Error(`batch ${header.batchId} was committed but the ledger does not have it`);
      return committed;
    },
    async close() {
      await committer.drain();
      opened.instance.closeSync();
    },
  };
}
