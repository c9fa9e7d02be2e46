/** Records of an object's bytes: compression by content, then lines, JSON or CSV. Streams; memory does not grow with the object. */
import type { RawRecord } from '../../tables/table.ts';
import { createLineSplitter } from '../lines.ts';
import { createRecordSplitter } from '../record-splitter.ts';
import { inBatches } from '../splitter.ts';
import { decompress, type ObjectLimits } from './compression.ts';

export interface ReadObject {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** `text`: one record a line. `json`: JSON of any form (see json-records.ts), or CSV with a header (see csv/). */
  readonly format: 'json' | 'text';
  /** For CSV, of each table that the records may be for: its columns and their paths. */
  readonly columns?: readonly Readonly<Record<string, string>>[];
  readonly limits: ObjectLimits;
  readonly signal?: AbortSignal;
}

/**
 * Records in batches of about 250 or 256 KB, with their offset in the decompressed bytes. Throws `s3.bad_content` as `decompress`
 * does, what `chunks` throws, and the signal's reason when it aborts.
 */
export async function* readObjectRecords({
  chunks,
  format,
  columns = [],
  limits,
  signal,
}: ReadObject): AsyncGenerator<RawRecord[], void, undefined> {
  const splitter = format === 'text' ? createLineSplitter() : createRecordSplitter({ columns });
  for await (const batch of inBatches(decompress(chunks, limits), splitter, ({ bytes }) => bytes.length)) {
    signal?.throwIfAborted();
    yield batch;
  }
}
