/** The lake as its writers see it: stage a batch, commit it, ask the ledger, correct what was committed. */
import type { DuckDBConnection } from '@duckdb/node-api';
import pLimit from 'p-limit';
import type { TableName } from '../tables/table.ts';
import { ensureCatalogIndexes } from './catalog-indexes.ts';
import { parseCatalog } from './catalog.ts';
import { commitBatches } from './commit.ts';
import { createCommitter } from './committer.ts';
import { type LakeSettings, type Opened, openLakeInstance } from './connection.ts';
import {
  type Letter,
  type LetterPage,
  numbered,
  readLetters,
  replayHeader,
  resolveLetters,
  type Solved,
} from './dead-letters.ts';
import { type DriftEntry, insertDriftAck } from './drift.ts';
import { renewFence } from './fence.ts';
import { type BatchRange, type LedgerBatch, listBatches, type Receipt, readReceipts } from './ledger.ts';
import { type Maintenance, maintenanceOf } from './maintenance.ts';
import { commitsBetween, mergeSmallFiles } from './merging.ts';
import { openPlacing, type Placing } from './placing.ts';
import { insertQueueLetters, type QueueLetter } from './queue-letters.ts';
import { replaceBatch, type Replaced } from './replace.ts';
import { withRoomFor } from './room.ts';
import { ensureSchema } from './schema.ts';
import { fillSmall, mayBeSmall } from './small-stage.ts';
import { type BatchHeader, openStage, type SealedStage, type Stage } from './stage.ts';
import { castLakeError, inTransaction } from './transaction.ts';

export interface Lake {
  /** What the ledger says of a batch; undefined while it is not in the lake. */
  receipt(batchId: string): Promise<Receipt | undefined>;
  /** The same of many, by id; those that are not in the lake are absent. */
  receipts(batchIds: readonly string[]): Promise<ReadonlyMap<string, Receipt>>;
  /**
   * Stages what `fill` adds, commits it as one batch, and gives its receipt. Nothing of it is in the lake if `fill` throws.
   * `fill` may run twice, and must add the same records each time.
   * @throws IngestError `lake.conflict`, `lake.unavailable`, and whatever `fill` throws
   */
  load(header: BatchHeader, tables: readonly TableName[], fill: (stage: Stage) => Promise<void>): Promise<Receipt>;
  /**
   * Stages what `fill` adds and puts it in the place of what the batch brought before; see lake/replace.ts.
   * @throws IngestError `config.environment`, `lake.conflict`, `lake.unavailable`, and whatever `fill` throws
   */
  replace(
    header: BatchHeader,
    tables: readonly TableName[],
    fill: (stage: Stage) => Promise<void>,
    options: { dryRun: boolean },
  ): Promise<Replaced>;
  /** The batches that a range of time is about; see lake/ledger.ts. */
  listBatches(range: BatchRange): Promise<LedgerBatch[]>;
  /** A page of open letters; see lake/dead-letters.ts. */
  readLetters(page: LetterPage): Promise<Letter[]>;
  /**
   * Moves letters of a tenant to rows; false, and nothing changed, where one of them is resolved already.
   * @throws IngestError `lake.conflict`, `lake.unavailable`
   */
  resolveLetters(tenantId: string, solved: readonly Solved[]): Promise<boolean>;
  /** Hides drift from then on, as long as it stays of that kind and type. */
  acknowledgeDrift(entry: DriftEntry): Promise<void>;
  /** Keeps each message once, however often it is given. @throws IngestError `lake.conflict`, `lake.unavailable` */
  keepQueueLetters(letters: readonly QueueLetter[]): Promise<void>;
  /** May go on while batches are loaded. */
  readonly maintenance: Maintenance;
  /** Waits for commits under way. */
  close(): Promise<void>;
}

/** What renewing goes by; see lake/renewed-lake.ts. */
export interface OpenLake extends Lake {
  /** So far. */
  readonly commits: number;
  /** Batches that are staged in tables, or wait to be. */
  readonly stages: number;
}

/** Filled a second time, a stage holds no less than the first time. */
function mustHold({ header, counts }: SealedStage, recordsBefore: number): void {
  const records = Array.from(counts.values()).reduce((sum, count) => sum + count.records, 0);
  if (records < recordsBefore)
    throw new Error(`batch ${header.batchId} gave ${recordsBefore} records, and then only ${records}`);
}

/**
 * A commit waits at most so long for batches that are being filled, because hundreds cost it little more than one. Small ones are soon filled, and many
 * come together; a large one may take minutes.
 */
const lingerMs = { small: 1000, large: 300 };

/** Of DuckDB's memory for each stage: 128 fit into 512 MB, 200 do not. */
const stageMegabytes = 8;

/** A connection to a lake of this version's schema; nothing stays open where that cannot be had. */
async function connectCurrent(opened: Opened, settings: LakeSettings): Promise<DuckDBConnection> {
  try {
    const connection = await opened.connect();
    await ensureSchema(connection);
    if (parseCatalog(settings.catalog).kind === 'postgres') await ensureCatalogIndexes(connection);
    return connection;
  } catch (error) {
    opened.close();
    throw castLakeError(error);
  }
}

/** @throws IngestError `lake.unavailable`, `config.environment` */
export async function openLake(settings: LakeSettings): Promise<OpenLake> {
  const opened = await openLakeInstance(settings, { readOnly: false });
  const committing = await connectCurrent(opened, settings);
  const placing = openPlacing(opened, settings.dataPath);
  let turn: Promise<unknown> = Promise.resolve();

  /** Transactions of one process take turns: at once they would only fight for the next snapshot. */
  function inTurn<T>(write: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const written = turn.then(async () => {
      await opened.refreshAccess();
      return write(committing);
    });
    turn = written.catch(() => undefined);
    return written;
  }

  /** The same, with room for the records of the stages. */
  function committed<T>(
    stages: readonly SealedStage[],
    write: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    const longestBytes = Math.max(...stages.map((stage) => stage.longestBytes));
    const { memoryMegabytes } = settings;
    return inTurn((connection) => withRoomFor(connection, { longestBytes, memoryMegabytes }, () => write(connection)));
  }

  /** Stages take memory before they can spill: hundreds at once would run out of it. */
  const staging = pLimit(Math.ceil(settings.memoryMegabytes / stageMegabytes));

  const maintenance = maintenanceOf(opened, settings);

  /** Batches that are being filled. */
  const filling = { small: 0, large: 0 };
  let commits = 0;
  const committer = createCommitter(
    async (stages) => {
      const committedBatches = await committed(stages, (connection) => commitBatches(connection, stages));
      commits += 1;
      // no batch waits for that, and none fails by it: what cannot be merged, maintenance tells
      if (commits % commitsBetween === 0)
        for (const tidy of [mergeSmallFiles, renewFence])
          inTurn<unknown>((connection) => tidy(connection)).catch(() => undefined);
      return committedBatches;
    },
    () => (filling.small > 0 ? lingerMs.small : filling.large > 0 ? lingerMs.large : 0),
  );

  async function whileFilling<T>(size: keyof typeof filling, fill: () => Promise<T>): Promise<T> {
    filling[size] += 1;
    return fill().finally(() => (filling[size] -= 1));
  }

  async function read<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await opened.connect();
    try {
      await opened.refreshAccess();
      return await work(connection);
    } catch (error) {
      throw castLakeError(error);
    } finally {
      connection.closeSync();
    }
  }

  async function withStage<T>(
    header: BatchHeader,
    tables: readonly TableName[],
    work: (stage: Stage) => Promise<T>,
    placedBy?: Placing,
  ): Promise<T> {
    return staging(async () => {
      const connection = await opened.connect();
      const stage = await openStage(connection, header, tables, placedBy);
      try {
        return await work(stage);
      } finally {
        await stage.discard();
        connection.closeSync();
      }
    });
  }

  async function receipts(batchIds: readonly string[]): Promise<ReadonlyMap<string, Receipt>> {
    return read((connection) => readReceipts(connection, batchIds));
  }

  let asked: { readonly ids: string[]; readonly answer: Promise<ReadonlyMap<string, Receipt>> } | undefined;

  /** Batches that one commit brought ask at the same moment: they share one look. */
  async function receipt(batchId: string): Promise<Receipt | undefined> {
    if (asked === undefined) {
      const ids: string[] = [];
      const answer = new Promise((resolve) => setImmediate(resolve)).then(() => {
        asked = undefined;
        return receipts(ids);
      });
      asked = { ids, answer };
    }
    asked.ids.push(batchId);
    return (await asked.answer).get(batchId);
  }

  return {
    get commits() {
      return commits;
    },
    get stages() {
      return staging.activeCount + staging.pendingCount;
    },
    receipt,
    receipts,
    async load(header, tables, fill) {
      const small = mayBeSmall(header) ? await whileFilling('small', () => fillSmall(header, tables, fill)) : 0;
      if (typeof small !== 'number') return committer.commit(small);
      const loaded = async (stage: Stage): Promise<Receipt> => {
        await whileFilling('large', () => fill(stage));
        const sealed = await stage.seal();
        mustHold(sealed, small);
        return committer.commit(sealed);
      };
      return withStage(header, tables, loaded, placing);
    },
    async replace(header, tables, fill, options) {
      return withStage(header, tables, async (stage) => {
        await fill(stage);
        const sealed = await stage.seal();
        return committed([sealed], (connection) => replaceBatch(connection, sealed, options));
      });
    },
    async listBatches(range) {
      return read((connection) => listBatches(connection, range));
    },
    async readLetters(page) {
      return read((connection) => readLetters(connection, page));
    },
    async resolveLetters(tenantId, solved) {
      const rows = numbered(solved);
      const wanted = [...new Set(rows.map(({ table }) => table))];
      return withStage(replayHeader(tenantId), wanted, async (stage) => {
        for (const { table, row } of rows) stage.addRow(table, row);
        const sealed = await stage.seal();
        return committed([sealed], (connection) => resolveLetters(connection, sealed, rows));
      });
    },
    async acknowledgeDrift(entry) {
      await inTurn((connection) => inTransaction(connection, () => insertDriftAck(connection, entry)));
    },
    async keepQueueLetters(letters) {
      await inTurn((connection) => insertQueueLetters(connection, letters));
    },
    maintenance: {
      ...maintenance,
      // takes long: commits of this process would always be first
      merge: (...options) => inTurn(() => maintenance.merge(...options)),
    },
    async close() {
      await committer.drain();
      await turn;
      committing.closeSync();
      opened.close();
    },
  };
}
