/** Rows as JavaScript values become DuckDB column values: the one place that knows both forms. */
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { z } from 'zod';
import { type ColumnType, columnType } from '../tables/column.ts';
import type { Row } from '../tables/table.ts';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export type Shape = Readonly<Record<string, z.ZodType>>;

export const columnsOfShape = (shape: Shape): Column[] =>
  Object.entries(shape).map(([name, type]) => ({ name, type: columnType(type) }));

type Convert = (value: unknown) => DuckDBValue;

function converter(type: ColumnType): Convert {
  switch (type.kind) {
    case 'text':
    case 'int32':
    case 'float64':
    case 'bool':
      return (value) => (value ?? null) as DuckDBValue;
    case 'int64':
      return (value) => (value == null ? null : BigInt(value as number));
    case 'timestamp':
      return (value) => (value == null ? null : new DuckDBTimestampValue(BigInt(value as number)));
    case 'bytes':
      return (value) => (value == null ? null : new DuckDBBlobValue(value as Uint8Array));
    case 'map':
      return (value) =>
        new DuckDBMapValue(
          Array.from((value ?? []) as Iterable<[string, string]>, ([key, item]) => ({ key, value: item })),
        );
    case 'list': {
      const item = converter(type.item);
      return (value) => (value == null ? null : new DuckDBListValue((value as unknown[]).map(item)));
    }
    case 'struct': {
      const fields = Object.entries(type.fields).map(([name, field]) => [name, converter(field)] as const);
      return (value) => {
        if (value == null) return null;
        const given = value as Record<string, unknown>;
        return new DuckDBStructValue(Object.fromEntries(fields.map(([name, convert]) => [name, convert(given[name])])));
      };
    }
  }
}

/** DuckDB's vectors hold this many rows. */
const chunkRows = 2048;

export interface RowWriter {
  readonly rowCount: number;
  /** Rows become visible to others after `close`. */
  write(row: Row): void;
  close(): void;
}

/** Appends rows to a table that exists, a vector at a time. */
export async function openRowWriter(
  connection: DuckDBConnection,
  table: { readonly catalog: string; readonly name: string; readonly columns: readonly Column[] },
): Promise<RowWriter> {
  const appender = await connection.createAppender(table.name, 'main', table.catalog);
  const types: DuckDBType[] = table.columns.map((_, index) => appender.columnType(index));
  const columns = table.columns.map(({ name, type }) => ({ name, convert: converter(type) }));
  let pending: Row[] = [];
  let rowCount = 0;
  const flush = () => {
    if (pending.length === 0) return;
    const chunk = DuckDBDataChunk.create(types, pending.length);
    for (const [index, { name, convert }] of columns.entries()) {
      chunk.setColumnValues(
        index,
        pending.map((row) => convert(row[name])),
      );
    }
    appender.appendDataChunk(chunk);
    pending = [];
  };
  return {
    get rowCount() {
      return rowCount;
    },
    write(row) {
      rowCount += 1;
      pending.push(row);
      if (pending.length === chunkRows) flush();
    },
    close() {
      flush();
      appender.closeSync();
    },
  };
}
