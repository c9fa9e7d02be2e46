/** Rows as JavaScript values go into DuckDB tables: the one place that knows both forms. */
import { type DuckDBConnection, DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { z } from 'zod';
import { type ColumnType, columnType } from '../tables/column.ts';
import type { Row } from '../tables/table.ts';
import { createHeap, createLoan, columnsOf } from './vectors.ts';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export type Shape = Readonly<Record<string, z.ZodType>>;

export const columnsOfShape = (shape: Shape): Column[] =>
  Object.entries(shape).map(([name, type]) => ({ name, type: columnType(type) }));

/** DuckDB's vectors hold this many rows. */
const chunkRows = 2048;
/** Fewer where rows are long, and so often the table gets what was gathered: bounds memory and the time that nothing else runs. */
const chunkBytes = 4 << 20;
const appendBytes = 8 << 20;

export interface RowWriter {
  readonly rowCount: number;
  /** Rows become visible to others after `close`. */
  write(row: Row): void;
  close(): void;
}

/** Appends rows to a table that exists, a chunk at a time. */
export async function openRowWriter(
  connection: DuckDBConnection,
  table: { readonly catalog: string; readonly name: string; readonly columns: readonly Column[] },
): Promise<RowWriter> {
  const appender = await connection.createAppender(table.name, 'main', table.catalog);
  const types: DuckDBType[] = table.columns.map((_, index) => appender.columnType(index));
  let kept: DuckDBDataChunk | undefined;
  const heap = createHeap();
  const loan = createLoan();
  const columns = columnsOf(Object.fromEntries(table.columns.map(({ name, type }) => [name, type])), heap);
  let pendingRows = 0;
  let pendingBytes = 0;
  let rowCount = 0;
  const flush = () => {
    if (pendingRows === 0) return;
    // one chunk again and again: its memory is freed only when the garbage collector finds it
    const chunk = (kept ??= DuckDBDataChunk.create(types));
    chunk.reset();
    chunk.rowCount = pendingRows;
    pendingBytes += heap.sizeBytes + pendingRows * types.length * 8;
    const address = loan.lend(heap);
    columns.flush((index) => duckdb.data_chunk_get_vector(chunk.chunk, index), pendingRows, address);
    appender.appendDataChunk(chunk);
    pendingRows = 0;
    if (pendingBytes < appendBytes) return;
    appender.flushSync();
    pendingBytes = 0;
  };
  return {
    get rowCount() {
      return rowCount;
    },
    write(row) {
      rowCount += 1;
      columns.put(row, pendingRows);
      pendingRows += 1;
      if (pendingRows === chunkRows || heap.sizeBytes >= chunkBytes) flush();
    },
    close() {
      flush();
      appender.closeSync();
    },
  };
}
