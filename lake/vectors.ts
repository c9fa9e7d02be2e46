/**
 * Columns in DuckDB's own memory layout, filled value by value and handed over a chunk at a time. In logs it is text that costs: a native call per
 * string takes longer than its copy, so all text of a chunk goes over in one piece and the strings of its columns point into that.
 * The layout is public: `duckdb_string_t`, `duckdb_list_entry` and validity masks in
 * https://github.com/duckdb/duckdb/blob/main/src/include/duckdb.h
 */
import { BLOB, DuckDBDataChunk } from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';
import type { ColumnType } from '../tables/column.ts';

/** The text of one chunk, one after the other. */
export interface Heap {
  bytes: Buffer;
  sizeBytes: number;
  /** Texts that are put and not written, and for each the item that it is. */
  readonly waiting: { readonly texts: string[]; readonly items: Items[]; readonly places: number[] };
}

export function createHeap(): Heap {
  return {
    bytes: Buffer.allocUnsafeSlow(16 << 10),
    sizeBytes: 0,
    waiting: { texts: [], items: [], places: [] },
  };
}

/** Writes the texts of a row, which then is put: together, because one call takes longer than its copy. */
export function settleHeap(heap: Heap): void {
  const { texts, items, places } = heap.waiting;
  const count = texts.length;
  if (count === 0) return;
  const all = count === 1 ? (texts[0] ?? '') : texts.join('');
  const sizeBytes = Buffer.byteLength(all);
  if (sizeBytes === all.length) {
    reserve(heap, sizeBytes);
    heap.bytes.write(all, heap.sizeBytes, 'latin1');
    for (let index = 0; index < count; index += 1) putString(items[index]!, places[index]!, heap, texts[index]!.length);
  } else {
    for (let index = 0; index < count; index += 1) writeText(texts[index]!, items[index]!, places[index]!, heap);
  }
  texts.length = 0;
  items.length = 0;
  places.length = 0;
}

function writeText(text: string, items: Items, at: number, heap: Heap): void {
  reserve(heap, text.length < longText ? text.length * 3 : Buffer.byteLength(text));
  putString(items, at, heap, heap.bytes.write(text, heap.sizeBytes));
}

function reserve(heap: Heap, sizeBytes: number): void {
  const needed = heap.sizeBytes + sizeBytes;
  if (needed <= heap.bytes.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, heap.bytes.length * 2));
  heap.bytes.copy(larger, 0, 0, heap.sizeBytes);
  heap.bytes = larger;
}

/** A heap as DuckDB holds it; its strings stay valid until the next `lend`. */
export interface Loan {
  /** Gives the address of the first byte, and empties the heap. */
  lend(heap: Heap): number;
}

export function createLoan(): Loan {
  const holder = DuckDBDataChunk.create([BLOB], 1);
  return {
    lend(heap) {
      holder.reset();
      holder.rowCount = 1;
      const vector = duckdb.data_chunk_get_vector(holder.chunk, 0);
      // a string that short would lie in the vector itself
      const sizeBytes = Math.max(heap.sizeBytes, inlineBytes + 1);
      duckdb.vector_assign_string_element_len(vector, 0, heap.bytes.subarray(0, sizeBytes));
      heap.sizeBytes = 0;
      const held = duckdb.vector_get_data(vector, stringBytes);
      return Number(Buffer.from(held.buffer, held.byteOffset, stringBytes).readBigUInt64LE(8));
    },
  };
}

/** One column, or the items of a list, or a field of a struct. What is not put is NULL. */
interface Column {
  /** Throws for a value that the column cannot hold: rows are checked before. */
  put(value: unknown, index: number): void;
  /** Copies `count` items into `vector`, which has room for them, and empties the column. `address`: where the heap's text lies by now. */
  flush(vector: Vector, count: number, address: number): void;
}

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

/** Items of one width. Those that nobody wrote are zero. */
interface Items {
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

function createItems(width: number): Items {
  const validity = new Uint8Array(initialItems / 8);
  return { width, ...views(new ArrayBuffer(initialItems * width)), validity, valueCount: 0 };
}

function views(data: ArrayBuffer) {
  return { words: new Uint32Array(data), bytes: new Uint8Array(data), doubles: new Float64Array(data) };
}

/** The item at `index` is a value. */
function setValid(items: Items, index: number): void {
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

function flushItems(items: Items, vector: Vector, count: number): void {
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

/** Size, then the text itself and zeros, or its first four bytes and its address. */
const stringBytes = 16;
const inlineBytes = 12;
/** Characters; to count the bytes of shorter text takes longer than to have room for any, and to copy longer text longer than a call. */
const longText = 4096;

function textColumn(heap: Heap): Column {
  const items = createItems(stringBytes);
  let last = '';
  let lastAt = -1;
  return {
    put(value, index) {
      if (typeof value !== 'string') throw new TypeError('text was expected');
      setValid(items, index);
      const at = index * 4;
      const { words } = items;
      // the tenant, the batch, the object: the same text in every row. One that waits has no place yet.
      if (lastAt >= 0 && isSame(value, last) && (words[lastAt] !== 0 || value === '')) {
        words[at] = words[lastAt]!;
        words[at + 1] = words[lastAt + 1]!;
        words[at + 2] = words[lastAt + 2]!;
        words[at + 3] = words[lastAt + 3]!;
        return;
      }
      if (value.length >= longText) writeText(value, items, at, heap);
      else if (value.length > inlineBytes || !putAscii(value, items, at)) wait(value, items, at, heap);
      last = value;
      lastAt = at;
    },
    flush(vector, count, address) {
      lastAt = -1;
      flushStrings(items, vector, count, address);
    },
  };
}

function wait(text: string, items: Items, at: number, { waiting }: Heap): void {
  waiting.texts.push(text);
  waiting.items.push(items);
  waiting.places.push(at);
}

/** Most texts of one length, such as ids, differ in their last character: to see that is faster than to compare parts of longer texts. */
function isSame(one: string, other: string): boolean {
  const { length } = one;
  return length === other.length && one.charCodeAt(length - 1) === other.charCodeAt(length - 1) && one === other;
}

/** False where the text is more than ASCII. */
function putAscii(text: string, { words, bytes }: Items, at: number): boolean {
  const { length } = text;
  let all = 0;
  for (let index = 0, byte = at * 4 + 4; index < length; index += 1, byte += 1) {
    const code = text.charCodeAt(index);
    bytes[byte] = code;
    all |= code;
  }
  words[at] = length;
  if (all < 0x80) return true;
  words.fill(0, at, at + 4);
  return false;
}

/** The item is the `sizeBytes` that stand behind the heap's text. */
function putString({ words, bytes }: Items, at: number, heap: Heap, sizeBytes: number): void {
  const from = heap.sizeBytes;
  const isInline = sizeBytes <= inlineBytes;
  words[at] = sizeBytes;
  const head = isInline ? sizeBytes : 4;
  for (let index = 0; index < head; index += 1) bytes[at * 4 + 4 + index] = heap.bytes[from + index]!;
  if (isInline) return;
  words[at + 2] = from;
  heap.sizeBytes = from + sizeBytes;
}

function flushStrings(items: Items, vector: Vector, count: number, address: number): void {
  const { words } = items;
  if (items.valueCount > 0) {
    for (let at = 0, end = Math.min(count * 4, words.length); at < end; at += 4) {
      if (words[at]! <= inlineBytes) continue;
      const lies = address + words[at + 2]!;
      words[at + 2] = lies;
      words[at + 3] = lies / 2 ** 32;
    }
  }
  flushItems(items, vector, count);
}

function bytesColumn(heap: Heap): Column {
  const items = createItems(stringBytes);
  return {
    put(value, index) {
      if (!(value instanceof Uint8Array)) throw new TypeError('bytes were expected');
      setValid(items, index);
      reserve(heap, value.length);
      heap.bytes.set(value, heap.sizeBytes);
      putString(items, index * 4, heap, value.length);
    },
    flush(vector, count, address) {
      flushStrings(items, vector, count, address);
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
