/** Holds the rows of one batch in DuckDB, outside the lake, until they are committed. Spills to disk; nothing here outlives the process. */
import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RawRecord, Reject, Row, TableName, TimeMicros } from '../tables/table.ts';
import { createDriftWatch, type Sighting } from './drift-watch.ts';
import { createTableSql, dataTables, deadLetterTable, type LakeTable } from './schema.ts';
import { name } from './sql.ts';
import { openRowWriter, type RowWriter } from './values.ts';

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
  /** No more rows; identical lines are numbered. */
  seal(): Promise<SealedStage>;
  discard(): Promise<void>;
}

/** Rows of one table, by `rowid` from 0 on. */
export interface StagedTable {
  readonly table: LakeTable;
  /** As SQL names it, outside the lake. */
  readonly stagedName: string;
  readonly rowCount: number;
  /** Of the records that the rows were made of. */
  readonly sizeBytes: number;
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

/** Of a letter's id without the number that identical records get. */
export const letterIdLength = 32;

let stageCount = 0;

/** Where the rows of a stage stay until they are committed. */
export interface Rows {
  write(table: LakeTable, row: Row, sizeBytes: number): void;
  /** No more rows; identical lines are numbered. */
  seal(): Promise<Pick<SealedStage, 'tables' | 'small'>>;
  discard(): Promise<void>;
}

/** A stage for records of the given tables, in tables of its own. The connection must be the stage's own. */
export async function openStage(
  connection: DuckDBConnection,
  header: BatchHeader,
  tableNames: readonly TableName[],
): Promise<Stage> {
  return stageOf(header, tableNames, await openTables(connection, tableNames));
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
          .slice(0, letterIdLength),
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
    async seal() {
      return { header, counts, ...(await staged.seal()), longestBytes, drift: drift.sightings(), ingestedAt };
    },
    discard: () => staged.discard(),
  };
}

const tablesOf = (tableNames: readonly TableName[]) =>
  dataTables.filter(({ name: known }) => tableNames.some((wanted) => wanted === known));

async function openTables(connection: DuckDBConnection, tableNames: readonly TableName[]): Promise<Rows> {
  stageCount += 1;
  const prefix = `stage_${stageCount}`;
  // Not in a transaction: rows that are not committed stay in memory whatever they are, and a large batch runs out of it.
  const staged = new Map<LakeTable, { stagedName: string; writer: RowWriter; sizeBytes: number }>();
  for (const table of [...tablesOf(tableNames), deadLetterTable]) {
    const tableName = `${prefix}_${table.name}`;
    const stagedName = `memory.main.${name(tableName)}`;
    await connection.run(createTableSql(stagedName, table.columns));
    const writer = await openRowWriter(connection, { catalog: 'memory', name: tableName, columns: table.columns });
    staged.set(table, { stagedName, writer, sizeBytes: 0 });
  }
  return {
    write(table, row, sizeBytes) {
      const target = staged.get(table);
      target?.writer.write(row);
      if (target !== undefined) target.sizeBytes += sizeBytes;
    },
    async seal() {
      for (const { writer } of staged.values()) writer.close();
      const filled = [...staged].filter(([, { writer }]) => writer.rowCount > 0);
      for (const [table, { stagedName }] of filled) {
        if (table.identity === 'line') await numberIdenticalLines(connection, table, stagedName);
      }
      const tables = filled.map(([table, { stagedName, writer, sizeBytes }]) => ({
        table,
        stagedName,
        rowCount: writer.rowCount,
        sizeBytes,
      }));
      return { tables };
    },
    async discard() {
      for (const { stagedName } of staged.values()) await connection.run(`DROP TABLE IF EXISTS ${stagedName}`);
    },
  };
}

/**
 * Two identical lines of one object are two events. The second gets `-2` behind its id, in the order of the object, so that the
 * same object shipped again, under whatever key, gives the same ids.
 */
async function numberIdenticalLines(connection: DuckDBConnection, table: LakeTable, target: string): Promise<void> {
  const id = name(table.idColumn);
  await connection.run(`
    UPDATE ${target} AS staged SET ${id} = staged.${id} || '-' || numbered.ordinal
    FROM (
      SELECT rowid AS row_number, row_number() OVER (PARTITION BY ${id} ORDER BY source_ref."offset", source_ref.line) AS ordinal
      FROM ${target}
      WHERE ${id} IN (SELECT ${id} FROM ${target} GROUP BY ${id} HAVING count(*) > 1)
    ) AS numbered
    WHERE staged.rowid = numbered.row_number AND numbered.ordinal > 1`);
}
