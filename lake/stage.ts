/** Holds the rows of one batch in DuckDB, outside the lake, until they are committed. Spills to disk; nothing here outlives the process. */
import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RawRecord, Reject, Row, TableName, TimeMicros } from '../tables/table.ts';
import { createDriftWatch, type Sighting } from './drift-watch.ts';
import { bareIdLength, numberingSuffixes, settleNumbers } from './numbering.ts';
import type { Part } from './parts.ts';
import type { Placing } from './placing.ts';
import { createTableSql, dataTables, deadLetterTable, type LakeTable } from './schema.ts';
import { name } from './sql.ts';
import { openTableWriter, type TableWriter } from './table-writer.ts';

/** What the ledger says of a batch besides its counts. */
export interface BatchHeader {
  readonly batchId: string;
  readonly tenantId: string;
  readonly sourceId: string;
  readonly kind: 'tap' | 's3';
  readonly pass: string | null;
  readonly coversFrom: TimeMicros | null;
  readonly coversTo: TimeMicros | null;
  /** When the vendor was asked; null for S3. */
  readonly readAt: TimeMicros | null;
  readonly uri: string;
  readonly sizeBytes: number;
  /** The time that records without one of their own get. */
  readonly fallbackTime: TimeMicros;
  /** Of times that say none; absent: UTC. */
  readonly timezone?: string | undefined;
}

/** A record that failed, with the table it was meant for. */
export interface DeadLetter {
  readonly table: TableName;
  readonly record: RawRecord;
  readonly reject: { readonly code: Reject['code'] | 'corrupt_object' | 'archived_object'; readonly reason: string };
}

export interface TableCount {
  records: number;
  rows: number;
  deadLetters: number;
}

/** Rows are added as they are parsed, without waiting; DuckDB gets them a vector at a time. */
export interface Stage {
  readonly header: BatchHeader;
  readonly ingestedAt: TimeMicros;
  addRow(table: TableName, row: Row): void;
  addDeadLetter(letter: DeadLetter): void;
  /** Resolves when there is room for more: to be asked now and then while much is added. @throws what writing threw */
  ready(): Promise<void>;
  /** No more rows; identical lines are numbered. */
  seal(): Promise<SealedStage>;
  discard(): Promise<void>;
}

/** Rows of one table that lie together. */
export interface StagedTable extends Part {
  readonly table: LakeTable;
}

/** Rows that are still in this process. */
export type SmallRows = ReadonlyMap<LakeTable, readonly Row[]>;

export interface SealedStage {
  readonly header: BatchHeader;
  /** The tables that got rows. */
  readonly tables: readonly StagedTable[];
  /** Instead of tables: the rows of a small batch, by table. */
  readonly small?: SmallRows;
  readonly counts: ReadonlyMap<TableName, TableCount>;
  /** Of the longest record. */
  readonly longestBytes: number;
  readonly drift: readonly Sighting[];
  readonly ingestedAt: TimeMicros;
}

let stageCount = 0;

/** Where the rows of a stage stay until they are committed. */
export interface Rows {
  write(table: LakeTable, row: Row, sizeBytes: number): void;
  ready(): Promise<void>;
  /** No more rows; identical lines are numbered. */
  seal(): Promise<Pick<SealedStage, 'tables' | 'small'>>;
  discard(): Promise<void>;
}

/**
 * A stage for records of the given tables, in tables of its own, and with `placing` in files of the lake, too: only a commit that registers them may
 * follow. The connection must be the stage's own.
 */
export async function openStage(
  connection: DuckDBConnection,
  header: BatchHeader,
  tableNames: readonly TableName[],
  placing?: Placing,
): Promise<Stage> {
  return stageOf(header, tableNames, await openTables(connection, tableNames, placing));
}

export function stageOf(header: BatchHeader, tableNames: readonly TableName[], staged: Rows): Stage {
  const counts = new Map<TableName, TableCount>(
    tableNames.map((table) => [table, { records: 0, rows: 0, deadLetters: 0 }]),
  );
  const targets = new Map<TableName, LakeTable>(tablesOf(tableNames).map((table) => [table.name as TableName, table]));
  const ingestedAt = Date.now() * 1000;
  const drift = createDriftWatch();
  let longestBytes = 0;

  function write(table: LakeTable, row: Row, sizeBytes: number): void {
    longestBytes = Math.max(longestBytes, sizeBytes);
    staged.write(table, row, sizeBytes);
  }

  function countOf(table: TableName): TableCount {
    const count = counts.get(table);
    if (count === undefined) throw new Error(`the stage of ${header.batchId} was not opened for ${table}`);
    return count;
  }

  return {
    header,
    ingestedAt,
    addRow(table, row) {
      const count = countOf(table);
      count.records += 1;
      count.rows += 1;
      drift.note(table, row);
      const target = targets.get(table);
      if (target !== undefined) write(target, row, String(row['raw']).length);
    },
    addDeadLetter({ table, record, reject }) {
      const count = countOf(table);
      count.records += 1;
      count.deadLetters += 1;
      const letter = {
        tenant_id: header.tenantId,
        dead_letter_id: createHash('sha256')
          .update(table)
          .update('\0')
          .update(record.bytes)
          .digest('hex')
          .slice(0, bareIdLength),
        source_id: header.sourceId,
        table_name: table,
        batch_id: header.batchId,
        code: reject.code,
        reason: reject.reason,
        source_ref: { uri: header.uri, offset: record.offset, line: record.line },
        raw: record.bytes,
        failed_at: ingestedAt,
      };
      write(deadLetterTable, letter, record.bytes.length);
    },
    ready: () => staged.ready(),
    async seal() {
      return { header, counts, ...(await staged.seal()), longestBytes, drift: drift.sightings(), ingestedAt };
    },
    discard: () => staged.discard(),
  };
}

const tablesOf = (tableNames: readonly TableName[]) =>
  dataTables.filter(({ name: known }) => tableNames.some((wanted) => wanted === known));

async function openTables(
  connection: DuckDBConnection,
  tableNames: readonly TableName[],
  placing: Placing | undefined,
): Promise<Rows> {
  stageCount += 1;
  const prefix = `stage_${stageCount}`;
  const names: string[] = [];
  // Not in a transaction: rows that are not committed stay in memory whatever they are, and a large batch runs out of it.
  const writers = new Map<LakeTable, TableWriter>();
  for (const table of [...tablesOf(tableNames), deadLetterTable]) {
    const stagingName = `${prefix}_${table.name}`;
    names.push(stagingName);
    await connection.run(createTableSql(`memory.main.${name(stagingName)}`, table.columns));
    const isPlaced = table.placedBy !== undefined;
    writers.set(table, await openTableWriter(connection, table, stagingName, isPlaced ? placing : undefined));
  }
  return {
    write(table, row, sizeBytes) {
      writers.get(table)?.write(row, sizeBytes);
    },
    async ready() {
      for (const writer of writers.values()) await writer.ready();
    },
    async seal() {
      const tables: StagedTable[] = [];
      for (const [table, writer] of writers) {
        const parts = await writer.close();
        const settled =
          table.identity === 'line' && parts.length > 0
            ? await settleNumbers(connection, table, parts, `${prefix}_${table.name}`)
            : parts;
        tables.push(...settled.map((part) => ({ table, ...part })));
      }
      return { tables };
    },
    async discard() {
      for (const writer of writers.values()) await writer.discard();
      for (const stagingName of names) {
        for (const suffix of ['', ...numberingSuffixes])
          await connection.run(`DROP TABLE IF EXISTS memory.main.${name(`${stagingName}${suffix}`)}`);
      }
    },
  };
}
