/** Gzip as a stream. Members that follow each other are one stream, zero padding between or behind them is ignored, and nothing else may stand there. */
import { createGunzip, type Gunzip } from 'node:zlib';

const chunkSize = 64 << 10;
/** Inflated at a time: deflate makes a byte a thousand at most, and all of it is held before the limits of an object are looked at. */
const pieceBytes = 16 << 10;

/** Gives all that the data before a fault holds, then throws what zlib says: a stream that fails drops what was not read from it by then. */
export async function* decompressGzip(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let inflated: Uint8Array[] = [];
  let failed: { readonly error: Error } | undefined;
  /** zlib ends at padding, and says nothing of what is behind it. */
  let isOver = false;
  let wake = () => {};
  let gunzip = openGunzip();

  function openGunzip(): Gunzip {
    const opened = createGunzip({ chunkSize });
    opened.on('data', (chunk: Uint8Array) => inflated.push(chunk));
    opened.on('end', () => {
      isOver = true;
      wake();
    });
    opened.on('error', (error) => {
      failed = { error };
      // a write that fails is not called back
      wake();
    });
    return opened;
  }

  function outcomeOf(begin: () => void): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      begin();
    });
  }

  /** Gives what is left of it, from padding on. */
  async function inflate(piece: Uint8Array): Promise<Uint8Array> {
    const takenBytes = gunzip.bytesWritten;
    await outcomeOf(() => gunzip.write(piece, () => wake()));
    return piece.subarray(isOver ? gunzip.bytesWritten - takenBytes : piece.length);
  }

  function taken(): Uint8Array[] {
    const chunks = inflated;
    inflated = [];
    return chunks;
  }

  try {
    for await (const piece of piecesOf(packed)) {
      for (let rest = piece; rest.length > 0 && failed === undefined;) {
        if (isOver) {
          rest = behindZeros(rest);
          if (rest.length === 0) break;
          gunzip.destroy();
          gunzip = openGunzip();
          isOver = false;
        }
        const ready = taken();
        // inflated by another thread while the chunks before are used
        const inflating = inflate(rest);
        yield* ready;
        rest = await inflating;
      }
      if (failed !== undefined) break;
    }
    if (failed === undefined && !isOver) await outcomeOf(() => gunzip.end());
    yield* taken();
    if (failed !== undefined) throw failed.error;
  } finally {
    gunzip.destroy();
  }
}

function behindZeros(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(at === -1 ? bytes.length : at);
}

async function* piecesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += pieceBytes) yield chunk.subarray(from, from + pieceBytes);
  }
}
