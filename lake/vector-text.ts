/**
 * Columns of text and bytes. In logs it is text that costs: a native call per string takes longer than its copy, so all text of a chunk goes over in
 * one piece and the strings of its columns point into that.
 */
import { BLOB, DuckDBDataChunk } from '@duckdb/node-api';
import duckdb, { type Vector } from '@duckdb/node-bindings';
import { type Column, createItems, flushItems, type Items, setValid } from './vector-items.ts';

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
  /** Its strings are read no more. */
  end(): void;
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
    // now, not when the garbage collector finds it
    end: () => holder.reset(),
  };
}

/** Size, then the text itself and zeros, or its first four bytes and its address. */
const stringBytes = 16;
const inlineBytes = 12;
/** Characters; to count the bytes of shorter text takes longer than to have room for any, and to copy longer text longer than a call. */
const longText = 4096;

export function textColumn(heap: Heap): Column {
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

export function bytesColumn(heap: Heap): Column {
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
