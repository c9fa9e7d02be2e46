/** Cutting a byte stream into records: the contract of the splitters, what they share, and batches of what they cut. */

/** Takes a stream chunk by chunk and holds no more than the record that is not complete yet. */
export interface Splitter<T> {
  push(chunk: Uint8Array): readonly T[];
  /** The stream is over: what was still open, if anything. */
  end(): readonly T[];
}

/** Longer records are cut to their beginning and marked: a record is held in memory whole. On its way into the lake see lake/room.ts. */
export const recordBytesMax = 64 << 20;
const oversizedBytesKept = 1 << 20;

export interface Collected {
  readonly bytes: Uint8Array;
  readonly oversized?: true;
}

/** Gathers the bytes of one record from the chunks it lies in; no copy where it lies in one. */
export interface Collector {
  add(bytes: Uint8Array): void;
  /** The last bytes gathered, at least `sizeBytes` of them where there are as many. */
  tail(sizeBytes: number): Uint8Array;
  /** What was gathered; the collector is empty afterwards. */
  take(): Collected;
}

export function createCollector(): Collector {
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let oversized = false;
  return {
    add(bytes) {
      if (bytes.length === 0 || oversized) return;
      parts.push(bytes);
      sizeBytes += bytes.length;
      if (sizeBytes <= recordBytesMax) return;
      oversized = true;
      parts = [Buffer.concat(parts, oversizedBytesKept)];
    },
    tail(wantedBytes) {
      let from = parts.length;
      for (let size = 0; from > 0 && size < wantedBytes; size += parts[from]?.length ?? 0) from -= 1;
      return joined(parts.slice(from));
    },
    take() {
      const bytes = joined(parts);
      const collected = oversized ? { bytes, oversized } : { bytes };
      parts = [];
      sizeBytes = 0;
      oversized = false;
      return collected;
    },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/** About 30 ms of computing, on a slow machine and where records are wide: everything else waits for a batch to be over. */
const batchRecordsMax = 250;
const batchBytesMax = 256 << 10;
/** A splitter gives all records of a chunk at once; this keeps that small whatever the chunk is. */
const pieceBytes = 256 << 10;

/** The records of a stream in batches of about 250 records or 256 KB. Where the stream fails, those that came whole before it are given first. */
export async function* inBatches<T>(
  chunks: AsyncIterable<Uint8Array>,
  splitter: Splitter<T>,
  sizeBytesOf: (item: T) => number,
): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  let sizeBytes = 0;
  function* filled(items: readonly T[]): Generator<T[]> {
    for (const item of items) {
      batch.push(item);
      sizeBytes += sizeBytesOf(item);
      if (batch.length < batchRecordsMax && sizeBytes < batchBytesMax) continue;
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
  }
  try {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; from += pieceBytes) {
        yield* filled(splitter.push(chunk.subarray(from, from + pieceBytes)));
      }
    }
    yield* filled(splitter.end());
  } catch (error) {
    if (batch.length > 0) yield batch;
    throw error;
  }
  if (batch.length > 0) yield batch;
}
