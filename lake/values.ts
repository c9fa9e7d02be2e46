/** Rows as JavaScript values go into DuckDB tables: the one place that knows both forms. */
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  INTEGER,
  LIST,
  MAP,
  STRUCT,
  TIMESTAMP,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb, { type DataChunk } from '@duckdb/node-bindings';
import type { z } from 'zod';
import { type ColumnType, columnType } from '../tables/column.ts';
import type { Row } from '../tables/table.ts';
import { castLakeError } from './transaction.ts';
import { createHeap, createLoan, type Loan, settleHeap } from './vector-text.ts';
import { columnsOf } from './vectors.ts';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export type Shape = Readonly<Record<string, z.ZodType>>;

export const columnsOfShape = (shape: Shape): Column[] =>
  Object.entries(shape).map(([name, type]) => ({ name, type: columnType(type) }));

/** DuckDB's vectors hold this many rows. */
const frameRows = 2048;
/** Fewer where rows are long, and so often the table gets what was gathered: bounds memory and the time that nothing else runs. */
const frameBytes = 1 << 20;
const appendBytes = 2 << 20;

/** Rows that are gathered until DuckDB takes them: a vector of each column. */
export interface Frame {
  readonly rowCount: number;
  /** Of the text in it. */
  readonly textBytes: number;
  readonly isFull: boolean;
  put(row: Row): void;
  /** Moves the rows into a chunk that has these columns; the frame is empty afterwards. Its text is the loan's until that lends again. */
  moveTo(chunk: DataChunk, loan: Loan): void;
}

export function createFrame(columns: readonly Column[]): Frame {
  const heap = createHeap();
  const vectors = columnsOf(Object.fromEntries(columns.map(({ name, type }) => [name, type])), heap);
  let rowCount = 0;
  return {
    get rowCount() {
      return rowCount;
    },
    get textBytes() {
      return heap.sizeBytes;
    },
    get isFull() {
      return rowCount === frameRows || heap.sizeBytes >= frameBytes;
    },
    put(row) {
      vectors.put(row, rowCount);
      settleHeap(heap);
      rowCount += 1;
    },
    moveTo(chunk, loan) {
      const count = rowCount;
      rowCount = 0;
      duckdb.data_chunk_set_size(chunk, count);
      const address = loan.lend(heap);
      vectors.flush((index) => duckdb.data_chunk_get_vector(chunk, index), count, address);
    },
  };
}

export function duckdbTypeOf(type: ColumnType): DuckDBType {
  switch (type.kind) {
    case 'text':
      return VARCHAR;
    case 'int32':
      return INTEGER;
    case 'int64':
      return BIGINT;
    case 'float64':
      return DOUBLE;
    case 'bool':
      return BOOLEAN;
    case 'timestamp':
      return TIMESTAMP;
    case 'bytes':
      return BLOB;
    case 'map':
      return MAP(VARCHAR, VARCHAR);
    case 'list':
      return LIST(duckdbTypeOf(type.item));
    case 'struct':
      return STRUCT(
        Object.fromEntries(Object.entries(type.fields).map(([field, each]) => [field, duckdbTypeOf(each)])),
      );
  }
}

/** Appends rows to a table that exists. They become visible to others after `close`. */
export interface FrameAppender {
  /** @throws IngestError `lake.memory`, `lake.unavailable` */
  append(frame: Frame): void;
  close(): void;
}

interface Target {
  readonly catalog: string;
  readonly name: string;
  readonly columns: readonly Column[];
}

export async function openAppender(connection: DuckDBConnection, table: Target): Promise<FrameAppender> {
  const appender = await connection.createAppender(table.name, 'main', table.catalog);
  const types = table.columns.map(({ type }) => duckdbTypeOf(type));
  const loan = createLoan();
  let kept: DuckDBDataChunk | undefined;
  let pendingBytes = 0;
  return {
    append(frame) {
      if (frame.rowCount === 0) return;
      // one chunk again and again: its memory is freed only when the garbage collector finds it
      const chunk = (kept ??= DuckDBDataChunk.create(types));
      chunk.reset();
      pendingBytes += frame.textBytes + frame.rowCount * types.length * 8;
      frame.moveTo(chunk.chunk, loan);
      try {
        appender.appendDataChunk(chunk);
        if (pendingBytes < appendBytes) return;
        appender.flushSync();
      } catch (error) {
        throw castLakeError(error);
      }
      pendingBytes = 0;
    },
    close: () => appender.closeSync(),
  };
}
