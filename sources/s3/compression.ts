/** Decompresses an object by its content, whatever its name says, within limits. */
import { IngestError } from '../../errors/ingest-error.ts';
import { decompressBzip2 } from './bzip2.ts';
import { decompressGzip } from './gzip.ts';
import { decompressZstd } from './zstd.ts';

/** Set by MAX_OBJECT_RATIO and MAX_OBJECT_MB: see workers/config.ts. */
export interface ObjectLimits {
  /** Bytes that one byte of a compressed object may become, from 64 MB on: below, nothing is lost by reading on. */
  readonly ratioMax: number;
  /** Megabytes (10^6 bytes), decompressed. */
  readonly megabytesMax: number;
}

type Chunks = AsyncIterable<Uint8Array>;

const decompressors: Readonly<Record<string, (packed: AsyncGenerator<Uint8Array, void, undefined>) => Chunks>> = {
  gzip: decompressGzip,
  zstd: decompressZstd,
  bzip2: decompressBzip2,
};

/**
 * Throws `s3.bad_content` for compressed data that is corrupt or cut, for other compressions and where a limit is passed, and what
 * `chunks` throws.
 */
export async function* decompress(chunks: Chunks, limits: ObjectLimits): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  let packedBytes = 0;
  let bytes = 0;
  let failed: { readonly error: unknown } | undefined;

  async function* packed(beginning: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    packedBytes = beginning.length;
    yield beginning;
    try {
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        packedBytes += next.value.length;
        yield next.value;
      }
    } catch (error) {
      failed = { error };
      throw error;
    }
  }

  try {
    const beginning = await readBeginning(iterator);
    const compression = compressionOf(beginning);
    const decompressor = compression === undefined ? (plain: Chunks) => plain : decompressors[compression];
    if (decompressor === undefined) {
      throw new IngestError(
        's3.bad_content',
        `the object is compressed with ${compression}; gzip, zstd, bzip2 and plain are read`,
      );
    }
    try {
      for await (const chunk of decompressor(packed(beginning))) {
        bytes += chunk.length;
        checkLimits({ bytes, packedBytes, limits });
        yield chunk;
      }
    } catch (error) {
      if (failed !== undefined) throw failed.error;
      if (error instanceof IngestError || compression === undefined) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new IngestError(
        's3.bad_content',
        `the ${compression} data of the object is corrupt or cut short (${reason})`,
        {
          cause: error,
        },
      );
    }
  } finally {
    await iterator.return?.();
  }
}

const ratioFreeBytes = 64 << 20;

function checkLimits({
  bytes,
  packedBytes,
  limits,
}: {
  bytes: number;
  packedBytes: number;
  limits: ObjectLimits;
}): void {
  if (bytes > limits.megabytesMax * 1e6) {
    throw new IngestError('s3.bad_content', `the object is longer than ${limits.megabytesMax} MB (MAX_OBJECT_MB)`);
  }
  if (bytes > ratioFreeBytes && bytes > packedBytes * limits.ratioMax) {
    throw new IngestError(
      's3.bad_content',
      `the object decompresses to more than ${limits.ratioMax} times its size (MAX_OBJECT_RATIO)`,
    );
  }
}

const signatureBytes = 10;

async function readBeginning(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let beginning: Uint8Array = new Uint8Array();
  while (beginning.length < signatureBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    beginning = beginning.length === 0 ? next.value : Buffer.concat([beginning, next.value]);
  }
  return beginning;
}

/** The first bytes of each format, as hexadecimal digits; zstd may begin with a frame to skip. */
const signatures = [
  ['gzip', /^1f8b/],
  ['zstd', /^(28b52ffd|5.2a4d18)/],
  ['bzip2', /^425a683[1-9](314159265359|177245385090)/],
  ['zip', /^504b(0304|0506)/],
  ['xz', /^fd377a585a00/],
  ['lz4', /^04224d18/],
] as const;

export type Compression = (typeof signatures)[number][0];

/** By its first ten bytes; undefined where it is none that is known. */
export function compressionOf(beginning: Uint8Array): Compression | undefined {
  const digits = Buffer.from(beginning.subarray(0, signatureBytes)).toString('hex');
  return signatures.find(([, signature]) => signature.test(digits))?.[0];
}
