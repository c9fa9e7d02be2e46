/** Lists the batches of a source that a range of time is about, as the ledger has them. */
import type { LedgerBatch } from '../lake/ledger.ts';
import { type Batch, isoSeconds, type Pass, type SourceName } from '../sources/batch.ts';
import type { ListBatchesInput, ListedBatches } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

export function createListBatches({ lake }: Dependencies) {
  /** Throws `lake.*`. */
  return async function listBatches({ from, to, ...page }: ListBatchesInput): Promise<ListedBatches> {
    const range = { from: Date.parse(from) * 1000, to: Date.parse(to) * 1000 };
    const listed = await lake.listBatches({ ...page, ...range });
    return { batches: listed.map((entry) => batchOf(page, entry)), more: listed.length === page.limit };
  };
}

/** The batch that the entry's id was made of. */
function batchOf({ tenantId, sourceId }: SourceName, entry: LedgerBatch): Batch {
  if (entry.kind === 'tap') {
    const { coversFrom, coversTo, pass } = entry;
    return {
      kind: 'tap',
      from: isoSeconds(Number(coversFrom) / 1000),
      to: isoSeconds(Number(coversTo) / 1000),
      pass: pass as Pass,
    };
  }
  const path = entry.uri.slice('s3://'.length);
  const slash = path.indexOf('/');
  return {
    kind: 's3',
    bucket: path.slice(0, slash),
    key: path.slice(slash + 1),
    etag: entry.batchId.slice(`${tenantId}/${sourceId}/s3/${path}@`.length),
    sizeBytes: entry.sizeBytes,
    lastModified: new Date(entry.fallbackTime / 1000).toISOString(),
  };
}
