declare module '@openpgp/unbzip2-stream/lib/bit_iterator.js' {
  /** Reads so many bits; `nextChunk` is asked for bytes, beginning now. */
  export type ReadBits = ((count: number | null) => number) & { readonly bytesRead: number };
  export default function createReader(nextChunk: () => Uint8Array): ReadBits;
}

declare module '@openpgp/unbzip2-stream/lib/bzip2.js' {
  import type { ReadBits } from '@openpgp/unbzip2-stream/lib/bit_iterator.js';
  const bzip2: {
    /** The size of the stream's blocks, in 100,000 bytes. */
    header(bits: ReadBits): number;
    /** The checksum of the stream up to the end of this block; null where the stream's end was read, and not a block. */
    decompress(
      bits: ReadBits,
      write: (byte: number) => void,
      block: Int32Array,
      blockBytes: number,
      checksum: number,
    ): number | null;
  };
  export default bzip2;
}
