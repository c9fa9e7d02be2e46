/** The beginning of an object, decompressed and held in memory: enough to see what it is. */
import { compressionOf, decompress, type Compression, type ObjectLimits } from './compression.ts';

export interface Beginning {
  readonly compression: Compression | 'none';
  readonly bytes: Uint8Array;
  /** The object ends there. */
  readonly isWhole: boolean;
}

/** Reads `bytesMax` decompressed bytes and a little more, then lets the connection go. Throws what `decompress` throws. */
export async function readBeginning(
  chunks: AsyncIterable<Uint8Array>,
  limits: ObjectLimits,
  bytesMax: number,
): Promise<Beginning> {
  let packed: Uint8Array = new Uint8Array();
  async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      if (packed.length < 16) packed = Buffer.concat([packed, chunk.subarray(0, 16)]);
      yield chunk;
    }
  }
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let isWhole = true;
  for await (const part of decompress(watched(), limits)) {
    parts.push(part);
    sizeBytes += part.length;
    if (sizeBytes <= bytesMax) continue;
    isWhole = false;
    break;
  }
  return { compression: compressionOf(packed) ?? 'none', bytes: Buffer.concat(parts), isWhole };
}
