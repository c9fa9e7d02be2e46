/** Gzip as a stream. Members that follow each other are one stream, and zero padding behind the last one is ignored. */
import { createGunzip } from 'node:zlib';

const chunkSize = 64 << 10;
/** Inflated at a time: deflate makes a byte a thousand at most, and all of it is held before the limits of an object are looked at. */
const pieceBytes = 16 << 10;

/** Gives all that the data before a fault holds, then throws what zlib says: a stream that fails drops what was not read from it by then. */
export async function* decompressGzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize });
  let inflated: Uint8Array[] = [];
  let failed: { readonly error: Error } | undefined;
  /** Padding ends the data before its last write. */
  let isOver = false;
  let wake = () => {};
  gunzip.on('data', (chunk: Uint8Array) => inflated.push(chunk));
  gunzip.on('end', () => {
    isOver = true;
    wake();
  });
  gunzip.on('error', (error) => {
    failed = { error };
    // a write that fails is not called back
    wake();
  });

  function outcomeOf(begin: () => void): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      begin();
    });
  }

  function taken(): Uint8Array[] {
    const chunks = inflated;
    inflated = [];
    return chunks;
  }

  try {
    for await (const piece of piecesOf(packed)) {
      const ready = taken();
      // inflated by another thread while the chunks before are used
      const writing = outcomeOf(() => gunzip.write(piece, () => wake()));
      yield* ready;
      await writing;
      if (failed !== undefined) break;
    }
    if (failed === undefined && !isOver) await outcomeOf(() => gunzip.end());
    yield* taken();
    if (failed !== undefined) throw failed.error;
  } finally {
    gunzip.destroy();
  }
}

async function* piecesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += pieceBytes) yield chunk.subarray(from, from + pieceBytes);
  }
}
