/** Items of one width in DuckDB's memory layout, with their validity mask: what every column is made of. */
import duckdb, { type Vector } from '@duckdb/node-bindings';

/** One column, or the items of a list, or a field of a struct. What is not put is NULL. */
export interface Column {
  /** Throws for a value that the column cannot hold: rows are checked before. */
  put(value: unknown, index: number): void;
  /** Copies `count` items into `vector`, which has room for them, and empties the column. `address`: where the heap's text lies by now. */
  flush(vector: Vector, count: number, address: number): void;
}

/** Items of one width. Those that nobody wrote are zero. */
export interface Items {
  readonly width: number;
  words: Uint32Array;
  bytes: Uint8Array;
  doubles: Float64Array;
  /** A set bit is a value. */
  validity: Uint8Array;
  valueCount: number;
}

/** Few, because most batches are small, and a multiple of what one word of validity says. */
const initialItems = 64;

export function createItems(width: number): Items {
  const validity = new Uint8Array(initialItems / 8);
  return { width, ...views(new ArrayBuffer(initialItems * width)), validity, valueCount: 0 };
}

function views(data: ArrayBuffer) {
  return { words: new Uint32Array(data), bytes: new Uint8Array(data), doubles: new Float64Array(data) };
}

/** The item at `index` is a value. */
export function setValid(items: Items, index: number): void {
  if (index >= items.validity.length * 8) grow(items, index);
  items.validity[index >> 3]! |= 1 << (index & 7);
  items.valueCount += 1;
}

function grow(items: Items, index: number): void {
  const { bytes, validity, width } = items;
  let capacity = validity.length * 8;
  while (capacity <= index) capacity *= 2;
  Object.assign(items, views(new ArrayBuffer(capacity * width)), { validity: new Uint8Array(capacity / 8) });
  items.bytes.set(bytes);
  items.validity.set(validity);
}

export function flushItems(items: Items, vector: Vector, count: number): void {
  if (count > items.validity.length * 8) grow(items, count - 1);
  const { bytes, validity, width, valueCount } = items;
  if (valueCount < count) {
    const sizeBytes = Math.ceil(count / 64) * 8;
    duckdb.vector_ensure_validity_writable(vector);
    duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer as ArrayBuffer, 0, sizeBytes);
  }
  if (valueCount === 0) return;
  if (width > 0) {
    duckdb.copy_data_to_vector(vector, 0, bytes.buffer as ArrayBuffer, 0, count * width);
    bytes.fill(0, 0, count * width);
  }
  validity.fill(0, 0, Math.ceil(count / 8));
  items.valueCount = 0;
}
