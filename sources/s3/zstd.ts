/**
 * Zstandard streams (RFC 8878): frame by frame, so that what fzstd leaves out is done here, which is the check of the content, the
 * limit of memory, and any number of frames. Node's own decoder drops all frames of a write but the first:
 * https://github.com/nodejs/node/issues/64741
 */
import { Decompress } from 'fzstd';
import xxhash, { type XXHash } from 'xxhash-wasm';

/** What every decoder should support; levels above 19 and `--long` ask for more. https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2 */
const windowBytesMax = 8 << 20;

interface Frame {
  readonly decoder: Decompress;
  readonly hash: XXHash<bigint> | undefined;
  /** Its blocks are over, its checksum follows. */
  ended: boolean;
}

/** Throws an Error that says what is wrong with the content, and what `chunks` throws. */
export async function* decompressZstd(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const hashes = await xxhash();
  let rest: Uint8Array = new Uint8Array();
  let frame: Frame | undefined;
  let skipBytes = 0;
  let decoded: Uint8Array[] = [];

  /** Bytes of the next piece of a frame; undefined where more are needed to tell. */
  function pieceBytes(): number | undefined {
    if (frame === undefined) return headerBytes(rest);
    return frame.ended ? 4 : blockBytes(rest);
  }

  function take(piece: Uint8Array): void {
    if (frame === undefined) {
      if (isSkippable(piece)) skipBytes = readUint(piece, 4, 4);
      else frame = openFrame(piece);
    } else if (frame.ended) {
      if (Number(BigInt.asUintN(32, frame.hash?.digest() ?? 0n)) !== readUint(piece, 0, 4))
        throw new Error('checksum is wrong');
      frame = undefined;
    } else {
      const isLast = ((piece[0] ?? 0) & 1) === 1;
      frame.decoder.push(piece, isLast);
      for (const part of decoded) frame.hash?.update(part);
      if (isLast && frame.hash === undefined) frame = undefined;
      else frame.ended = isLast;
    }
  }

  function openFrame(header: Uint8Array): Frame {
    if (windowBytes(header) > windowBytesMax) {
      throw new Error(`window is larger than ${windowBytesMax >> 20} MB`);
    }
    const decoder = new Decompress((part) => decoded.push(part));
    const withoutChecksum = Uint8Array.from(header);
    withoutChecksum[4] = (header[4] ?? 0) & ~checksumFlag;
    decoder.push(withoutChecksum);
    return { decoder, hash: ((header[4] ?? 0) & checksumFlag) === 0 ? undefined : hashes.create64(), ended: false };
  }

  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const skipped = Math.min(skipBytes, rest.length);
      skipBytes -= skipped;
      rest = rest.subarray(skipped);
      const size = pieceBytes();
      if (skipBytes > 0 || size === undefined || rest.length < size) break;
      take(rest.subarray(0, size));
      rest = rest.subarray(size);
      yield* decoded;
      decoded = [];
    }
  }
  if (rest.length > 0 || skipBytes > 0 || frame !== undefined) throw new Error('end is missing');
}

const magic = 0xfd2fb528;
const checksumFlag = 4;
const singleSegmentFlag = 0x20;

function isSkippable(header: Uint8Array): boolean {
  return (readUint(header, 0, 4) & 0xfffffff0) >>> 0 === 0x184d2a50;
}

/** https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1 */
function headerBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < 5) return undefined;
  if (isSkippable(bytes)) return 8;
  if (readUint(bytes, 0, 4) !== magic) throw new Error('frame is none');
  const { sizeAt, sizeBytes } = contentSize(bytes);
  return sizeAt + sizeBytes;
}

function contentSize(header: Uint8Array): { sizeAt: number; sizeBytes: number } {
  const descriptor = header[4] ?? 0;
  const single = (descriptor & singleSegmentFlag) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeFlag = descriptor >> 6;
  return { sizeAt: (single ? 5 : 6) + dictionaryBytes, sizeBytes: sizeFlag === 0 && !single ? 0 : 1 << sizeFlag };
}

function windowBytes(header: Uint8Array): number {
  if (((header[4] ?? 0) & singleSegmentFlag) !== 0) {
    const { sizeAt, sizeBytes } = contentSize(header);
    return readUint(header, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  }
  const window = header[5] ?? 0;
  return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
}

/** https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2 */
function blockBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < 3) return undefined;
  const header = readUint(bytes, 0, 3);
  const isRun = ((header >> 1) & 3) === 1;
  return 3 + (isRun ? 1 : header >> 3);
}

function readUint(bytes: Uint8Array, from: number, sizeBytes: number): number {
  let value = 0;
  for (let at = sizeBytes - 1; at >= 0; at -= 1) value = value * 256 + (bytes[from + at] ?? 0);
  return value;
}
