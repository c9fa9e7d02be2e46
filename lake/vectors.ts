/**
 * Columns in DuckDB's own memory layout, filled value by value and handed over a chunk at a time.
 * The layout is public: `duckdb_string_t`, `duckdb_list_entry` and validity masks in
 * https://github.com/duckdb/duckdb/blob/main/src/include/duckdb.h
 */
import duckdb, { type Vector } from '@duckdb/node-bindings';
import type { ColumnType } from '../tables/column.ts';
import { type Column, createItems, flushItems, setValid } from './vector-items.ts';
import { bytesColumn, type Heap, textColumn } from './vector-text.ts';

function columnOf(type: ColumnType, heap: Heap): Column {
  switch (type.kind) {
    case 'text':
      return textColumn(heap);
    case 'bytes':
      return bytesColumn(heap);
    case 'int32':
      return int32Column();
    case 'int64':
    case 'timestamp':
      return int64Column();
    case 'float64':
      return float64Column();
    case 'bool':
      return boolColumn();
    case 'list':
      return listColumn(type.item, heap);
    case 'map':
      return mapColumn(heap);
    case 'struct':
      return structColumn(type.fields, heap);
  }
}

/** Named columns that are filled together. */
export interface Columns {
  put(row: Readonly<Record<string, unknown>>, index: number): void;
  flush(vectorOf: (column: number) => Vector, count: number, address: number): void;
}

export function columnsOf(types: Readonly<Record<string, ColumnType>>, heap: Heap): Columns {
  const names = Object.keys(types);
  const columns = Object.values(types).map((type) => columnOf(type, heap));
  return {
    put(row, index) {
      let at = 0;
      // Rows have all columns in order, nearly always, and then this is ten times as fast as looking each one up.
      for (const key in row) {
        if (names[at] !== key) break;
        const value = row[key];
        if (value !== null && value !== undefined) columns[at]!.put(value, index);
        at += 1;
      }
      for (; at < names.length; at += 1) {
        const value = row[names[at]!];
        if (value !== null && value !== undefined) columns[at]!.put(value, index);
      }
    },
    flush(vectorOf, count, address) {
      for (const [at, column] of columns.entries()) column.flush(vectorOf(at), count, address);
    },
  };
}

function int32Column(): Column {
  const items = createItems(4);
  return {
    put(value, index) {
      if (((value as number) | 0) !== value) throw new RangeError('a 32-bit integer was expected');
      setValid(items, index);
      items.words[index] = value;
    },
    flush: (vector, count) => flushItems(items, vector, count),
  };
}

function int64Column(): Column {
  const items = createItems(8);
  return {
    put(value, index) {
      if (!Number.isSafeInteger(value)) throw new RangeError('a safe integer was expected');
      setValid(items, index);
      items.words[index * 2] = value as number;
      items.words[index * 2 + 1] = Math.floor((value as number) / 2 ** 32);
    },
    flush: (vector, count) => flushItems(items, vector, count),
  };
}

function float64Column(): Column {
  const items = createItems(8);
  return {
    put(value, index) {
      if (typeof value !== 'number') throw new TypeError('a number was expected');
      setValid(items, index);
      items.doubles[index] = value;
    },
    flush: (vector, count) => flushItems(items, vector, count),
  };
}

function boolColumn(): Column {
  const items = createItems(1);
  return {
    put(value, index) {
      if (typeof value !== 'boolean') throw new TypeError('true or false was expected');
      setValid(items, index);
      items.bytes[index] = Number(value);
    },
    flush: (vector, count) => flushItems(items, vector, count),
  };
}

/** Where a list's items begin among all items, and how many they are: two 64-bit integers. */
const entryBytes = 16;

function listColumn(itemType: ColumnType, heap: Heap): Column {
  const items = createItems(entryBytes);
  const children = columnOf(itemType, heap);
  let childCount = 0;
  return {
    put(value, index) {
      const list = value as readonly unknown[];
      setValid(items, index);
      items.words[index * 4] = childCount;
      items.words[index * 4 + 2] = list.length;
      for (const item of list) {
        if (item !== null && item !== undefined) children.put(item, childCount);
        childCount += 1;
      }
    },
    flush(vector, count, address) {
      if (childCount > 0) children.flush(childVector(vector, childCount), childCount, address);
      childCount = 0;
      flushItems(items, vector, count);
    },
  };
}

/** To DuckDB a list of key and value. A row without a map has an empty one. */
function mapColumn(heap: Heap): Column {
  const items = createItems(entryBytes);
  const keys = textColumn(heap);
  const values = textColumn(heap);
  let entryCount = 0;
  return {
    put(value, index) {
      const map = value as ReadonlyMap<string, string>;
      setValid(items, index);
      items.words[index * 4] = entryCount;
      items.words[index * 4 + 2] = map.size;
      for (const [key, text] of map) {
        keys.put(key, entryCount);
        values.put(text, entryCount);
        entryCount += 1;
      }
    },
    flush(vector, count, address) {
      if (entryCount > 0) {
        const entries = childVector(vector, entryCount);
        keys.flush(duckdb.struct_vector_get_child(entries, 0), entryCount, address);
        values.flush(duckdb.struct_vector_get_child(entries, 1), entryCount, address);
      }
      entryCount = 0;
      items.valueCount = count;
      flushItems(items, vector, count);
    },
  };
}

function childVector(vector: Vector, count: number): Vector {
  duckdb.list_vector_reserve(vector, count);
  duckdb.list_vector_set_size(vector, count);
  return duckdb.list_vector_get_child(vector);
}

function structColumn(fields: Readonly<Record<string, ColumnType>>, heap: Heap): Column {
  const items = createItems(0);
  const columns = columnsOf(fields, heap);
  return {
    put(value, index) {
      setValid(items, index);
      columns.put(value as Readonly<Record<string, unknown>>, index);
    },
    flush(vector, count, address) {
      columns.flush((column) => duckdb.struct_vector_get_child(vector, column), count, address);
      flushItems(items, vector, count);
    },
  };
}
