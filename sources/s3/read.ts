/** Records of an object's bytes: compression by content, then lines or JSON. Streams; memory does not grow with the object. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { IngestError } from '../../errors/ingest-error.ts';
import type { RawRecord } from '../../tables/table.ts';
import { createJsonSplitter } from '../json-records.ts';
import { createLineSplitter } from '../lines.ts';
import { inBatches } from '../splitter.ts';

export interface ReadObject {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** `text`: one record a line. `json`: see json-records.ts. */
  readonly format: 'json' | 'text';
  readonly signal?: AbortSignal;
}

/**
 * Records in batches of about 1,000 or 1 MB, with their offset in the decompressed bytes. Throws `s3.bad_content` for gzip that is
 * corrupt or cut and for other compressions, what `chunks` throws, and the signal's reason when it aborts.
 */
export async function* readObjectRecords({
  chunks,
  format,
  signal,
}: ReadObject): AsyncGenerator<RawRecord[], void, undefined> {
  const splitter = format === 'text' ? createLineSplitter() : createJsonSplitter();
  for await (const batch of inBatches(decompress(chunks), splitter, ({ bytes }) => bytes.length)) {
    signal?.throwIfAborted();
    yield batch;
  }
}

async function* decompress(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  async function* rest(beginning: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    yield beginning;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  }
  try {
    const beginning = await readBeginning(iterator);
    const compression = compressionOf(beginning);
    if (compression === undefined) {
      yield* rest(beginning);
    } else if (compression === 'gzip') {
      // Members that follow each other are one stream to gunzip, and zero padding behind the last one is ignored.
      yield* pipeline(Readable.from(rest(beginning)), createGunzip({ chunkSize: 64 << 10 }), () => undefined);
    } else {
      throw new IngestError('s3.bad_content', `the object is compressed with ${compression}; gzip and plain are read`);
    }
  } catch (error) {
    throw castGzipError(error);
  } finally {
    await iterator.return?.();
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

function compressionOf(beginning: Uint8Array): 'gzip' | 'zstd' | 'bzip2' | 'zip' | undefined {
  const text = Buffer.from(beginning.subarray(0, signatureBytes)).toString('latin1');
  if (text.startsWith('\x1f\x8b')) return 'gzip';
  if (text.startsWith('\x28\xb5\x2f\xfd')) return 'zstd';
  if (text.startsWith('BZh') && text.endsWith('1AY&SY')) return 'bzip2';
  if (text.startsWith('PK\x03\x04')) return 'zip';
  return undefined;
}

function castGzipError(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('Z_')) return error;
  const what = code === 'Z_BUF_ERROR' ? 'is cut short' : 'is corrupt';
  return new IngestError('s3.bad_content', `the gzip data of the object ${what} (${code})`, { cause: error });
}
