/** What activities take and give. Types only: workflow code imports them. Nothing here holds a secret or an event. */
import type { Batch, ObjectBatch, SourceName, TapBatch } from '../sources/batch.ts';
import type { S3Settings, SourceSettings, TapSettings } from '../sources/settings.ts';

export interface FetchTapWindowInput extends SourceName {
  readonly settings: TapSettings;
  readonly batch: TapBatch;
}

export interface Landed {
  readonly batchId: string;
  /** `exists`: an earlier attempt landed it; the vendor was not asked again. */
  readonly landed: 'stored' | 'exists';
}

export interface LoadBatchInput extends SourceName {
  readonly settings: SourceSettings;
  readonly batch: Batch;
}

/** Totals of a batch; per table they stand in the ledger. records = rows + deadLetters. */
export interface Loaded {
  readonly batchId: string;
  readonly records: number;
  readonly rows: number;
  /** Rows that the lake did not have before. */
  readonly rowsAdded: number;
  readonly deadLetters: number;
}

export interface RecordGapInput extends SourceName {
  readonly settings: TapSettings;
  readonly from: string;
  readonly to: string;
}

export interface ListObjectsInput extends SourceName {
  readonly settings: S3Settings;
  /** Key after which the listing goes on; absent: from the start of the prefix. */
  readonly startAfter?: string;
  readonly limit: number;
}

export interface ListedObjects {
  readonly objects: readonly ObjectBatch[];
  readonly more: boolean;
  /** ISO time at which the listing began: everything uploaded before is in this page or an earlier one. */
  readonly listedAt: string;
}

export interface CheckSourceInput extends SourceName {
  readonly settings: SourceSettings;
}

/** One thing that was tried, with what to do where it failed. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly remedy?: string;
}

/** Details of the ApplicationFailure that an activity fails with. */
export interface FailureDetails {
  readonly directive: 'retry' | 'wait' | 'block';
  readonly remedy: string;
  readonly retryAfterSeconds?: number;
}
