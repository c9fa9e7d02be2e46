/** Rows appended value by value through DuckDB's own interface: slow, and what the lake's row writer must equal. */
import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Column } from '../../lake/values.ts';
import type { ColumnType } from '../../tables/column.ts';
import type { Row } from '../../tables/table.ts';

export async function appendPlainly(
  connection: DuckDBConnection,
  table: { readonly name: string; readonly columns: readonly Column[] },
  rows: readonly Row[],
): Promise<void> {
  const appender = await connection.createAppender(table.name);
  const types = table.columns.map((_, index) => appender.columnType(index));
  for (let from = 0; from < rows.length; from += 2048) {
    const part = rows.slice(from, from + 2048);
    const chunk = DuckDBDataChunk.create(types, part.length);
    for (const [index, { name, type }] of table.columns.entries()) {
      chunk.setColumnValues(
        index,
        part.map((row) => duckdbValue(row[name], type)),
      );
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function duckdbValue(value: unknown, type: ColumnType): DuckDBValue {
  if (type.kind === 'map') {
    const entries = Array.from((value ?? []) as Iterable<[string, string]>);
    return new DuckDBMapValue(entries.map(([key, item]) => ({ key, value: item })));
  }
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'text':
    case 'int32':
    case 'float64':
    case 'bool':
      return value as DuckDBValue;
    case 'int64':
      return BigInt(value as number);
    case 'timestamp':
      return new DuckDBTimestampValue(BigInt(value as number));
    case 'bytes':
      return new DuckDBBlobValue(value as Uint8Array);
    case 'list':
      return new DuckDBListValue((value as unknown[]).map((item) => duckdbValue(item, type.item)));
    case 'struct': {
      const given = value as Record<string, unknown>;
      const fields = Object.entries(type.fields).map(([name, field]) => [name, duckdbValue(given[name], field)]);
      return new DuckDBStructValue(Object.fromEntries(fields));
    }
  }
}
