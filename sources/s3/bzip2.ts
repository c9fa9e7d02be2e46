/**
 * Bzip2 streams, block by block. The package's own stream gathers a block in an array of numbers, and one block of 50 bytes can
 * become 46 MB: here they are bytes.
 */
import createReader from '@openpgp/unbzip2-stream/lib/bit_iterator.js';
import bzip2 from '@openpgp/unbzip2-stream/lib/bzip2.js';

/** Throws an Error that says what is wrong with the content, and what `chunks` throws. */
export async function* decompressBzip2(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = chunks[Symbol.asyncIterator]();
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let isLast = false;

  async function fill(wantedBytes: number): Promise<void> {
    while (!isLast && queuedBytes < wantedBytes) {
      const next = await iterator.next();
      if (next.done === true) isLast = true;
      else {
        queue.push(next.value);
        queuedBytes += next.value.length;
      }
    }
  }

  await fill(1);
  const bits = createReader(() => {
    const chunk = queue.shift();
    if (chunk === undefined) throw new Error('end is missing');
    return chunk;
  });
  const output = createOutput();
  let level = 0;
  let block = new Int32Array();
  let checksum = 0;
  for (;;) {
    // what a block and the tables before it may take
    await fill(bits.bytesRead + 25_000 + 100_000 * (level === 0 ? 9 : level));
    if (bits.bytesRead >= queuedBytes) break;
    if (level === 0) {
      level = bzip2.header(bits);
      block = new Int32Array(100_000 * level);
      checksum = 0;
      continue;
    }
    const next = bzip2.decompress(bits, (byte) => output.write(byte), block, block.length, checksum);
    if (next === null) level = 0;
    else {
      checksum = next;
      yield output.take();
    }
  }
  if (level !== 0) throw new Error('end is missing');
}

function createOutput() {
  let bytes = new Uint8Array(1 << 20);
  let sizeBytes = 0;
  return {
    write(byte: number) {
      if (sizeBytes === bytes.length) {
        const larger = new Uint8Array(2 * sizeBytes);
        larger.set(bytes);
        bytes = larger;
      }
      bytes[sizeBytes] = byte;
      sizeBytes += 1;
    },
    take() {
      const taken = bytes.slice(0, sizeBytes);
      sizeBytes = 0;
      return taken;
    },
  };
}
