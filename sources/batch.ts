/** A batch is the unit of exactly-once: one read of one TAP window, or one version of one S3 object. Pure; workflow code may import it. */

/** Why a TAP window is read: first (`live`), again after the vendor's indexing lag (`settle-…`), on request (`backfill-…`); `lost`: it could not be. */
export type Pass = 'live' | 'lost' | `settle-${string}` | `backfill-${string}`;

/** One read of one TAP window: half-open, whole minutes, ISO times in UTC (`2026-01-31T05:00:00Z`). */
export interface TapBatch {
  readonly kind: 'tap';
  readonly from: string;
  readonly to: string;
  readonly pass: Pass;
}

/** One version of one S3 object. */
export interface ObjectBatch {
  readonly kind: 's3';
  readonly bucket: string;
  readonly key: string;
  /** Without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** ISO time. */
  readonly lastModified: string;
  /** Known not to be readable until it is restored. */
  readonly archived?: true;
}

export type Batch = TapBatch | ObjectBatch;

export interface SourceName {
  readonly tenantId: string;
  readonly sourceId: string;
}

/** The same for the same input, whoever asks and however often: the ledger is keyed by it. */
export function batchId({ tenantId, sourceId }: SourceName, batch: Batch): string {
  switch (batch.kind) {
    case 'tap':
      return `${tenantId}/${sourceId}/tap/${batch.from}_${batch.to}/${batch.pass}`;
    case 's3':
      return `${tenantId}/${sourceId}/s3/${batch.bucket}/${batch.key}@${batch.etag}`;
  }
}

/** ISO time in whole seconds, as the batch ids and the vendor's `interval` have it. */
export function isoSeconds(timeMs: number): string {
  return new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
