/** Moves sealed batches into the lake in one transaction: ledger, anti-join, rows, dead letters, fence. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { insertDrift } from './drift.ts';
import { raiseFence } from './fence.ts';
import { insertTable } from './insert-rows.ts';
import { type Receipt, readReceipts } from './ledger.ts';
import { offerRows } from './row-feed.ts';
import { batchTable, type LakeTable } from './schema.ts';
import { stageSmall } from './small-stage.ts';
import type { SealedStage, StagedTable } from './stage.ts';
import { inTransaction } from './transaction.ts';

/**
 * All of the batches, or none. Those that the ledger already has are left out. Gives the receipt of each.
 * @throws IngestError `lake.conflict`, `lake.unavailable`
 */
export async function commitBatches(
  connection: DuckDBConnection,
  stages: readonly SealedStage[],
): Promise<ReadonlyMap<string, Receipt>> {
  let waiting = firstOfEach(stages);
  const receipts = new Map<string, Receipt>();
  while (waiting.length > 0) {
    // not in the transaction: rows that are not committed have no row ids to go by
    const small = await stageSmall(connection, waiting);
    waiting = await inTransaction(connection, async () => {
      const loaded = await readReceipts(
        connection,
        waiting.map(({ header }) => header.batchId),
      );
      for (const receipt of loaded.values()) receipts.set(receipt.batchId, receipt);
      const fresh = waiting.filter(({ header }) => !loaded.has(header.batchId));
      // staged again without those: seldom, because nobody loads what the ledger has
      if (fresh.length < waiting.length) return fresh;
      const added = await insertRows(connection, fresh, small);
      const made = fresh.map((stage) => receiptOf(stage, added));
      await insertLedger(connection, fresh, made);
      await insertDrift(connection, fresh);
      await raiseFence(connection);
      for (const receipt of made) receipts.set(receipt.batchId, receipt);
      return [];
    });
  }
  return receipts;
}

/** A worker that is given up for dead and is not, runs two attempts at a batch: both may wait for the same commit. */
function firstOfEach(stages: readonly SealedStage[]): SealedStage[] {
  const seen = new Set<string>();
  return stages.filter(({ header: { batchId } }) => !seen.has(batchId) && seen.add(batchId));
}

/** Rows added, by `batchId table`. */
type Added = Map<string, number>;

const addedKey = (batchId: string, table: string) => `${batchId} ${table}`;

function receiptOf({ header: { batchId }, counts }: SealedStage, added: Added): Receipt {
  const tables = Array.from(counts, ([table, count]) => ({
    table,
    ...count,
    rowsAdded: added.get(addedKey(batchId, table)) ?? 0,
  }));
  return { batchId, tables };
}

async function insertRows(
  connection: DuckDBConnection,
  stages: readonly SealedStage[],
  small: readonly StagedTable[],
): Promise<Added> {
  const parts = new Map<LakeTable, StagedTable[]>();
  for (const staged of [...stages.flatMap(({ tables }) => tables), ...small]) {
    const known = parts.get(staged.table) ?? [];
    known.push(staged);
    parts.set(staged.table, known);
  }
  const sources = stages.map(({ header }) => header);
  const isOne = stages.length === 1;
  const added: Added = new Map();
  for (const [table, staged] of parts) {
    for (const [batchId, count] of await insertTable(connection, table, staged, {
      sources,
      // identical lines of one batch have their numbers
      areDistinct: isOne && table.identity === 'line',
    })) {
      added.set(addedKey(batchId, table.name), count);
    }
  }
  return added;
}

async function insertLedger(
  connection: DuckDBConnection,
  stages: readonly SealedStage[],
  receipts: readonly Receipt[],
): Promise<void> {
  const committedAt = Date.now() * 1000;
  const entries = stages.map(({ header }, index) => ({
    batch_id: header.batchId,
    tenant_id: header.tenantId,
    source_id: header.sourceId,
    kind: header.kind,
    pass: header.pass,
    covers_from: header.coversFrom,
    covers_to: header.coversTo,
    read_at: header.readAt,
    uri: header.uri,
    size_bytes: header.sizeBytes,
    fallback_time: header.fallbackTime,
    timezone: header.timezone ?? null,
    counts: (receipts[index]?.tables ?? []).map(({ table, records, rows, rowsAdded, deadLetters }) => ({
      table_name: table,
      records,
      rows,
      rows_added: rowsAdded,
      dead_letters: deadLetters,
    })),
    committed_at: committedAt,
  }));
  await offerRows(batchTable.columns, entries, (relation) =>
    connection.run(`INSERT INTO lake.batches BY NAME FROM ${relation}`),
  );
}
