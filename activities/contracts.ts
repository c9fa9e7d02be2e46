/** What activities take and give. Types only: workflow code imports them. Nothing here holds a secret or an event. */
import type { LetterPage } from '../lake/dead-letters.ts';
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
  /** Requests that the vendor was sent for it, failed ones included. */
  readonly requests: number;
  /** Vendor's clock minus ours, seconds; absent where the vendor was not asked. */
  readonly clockSkewSeconds?: number;
}

export interface FingerprintSecretsInput extends SourceName {
  readonly settings: SourceSettings;
}

export interface LoadBatchInput extends SourceName {
  readonly settings: SourceSettings;
  readonly batch: Batch;
  /** TAP: when the vendor was asked, ISO time; how far a window has settled is told by its age then. */
  readonly readAt?: string;
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
  /** Only objects of that time, half-open, ISO times: by the date in their key, or by when they were uploaded. */
  readonly range?: { readonly from: string; readonly to: string; readonly by: 'key' | 'modified' };
}

export interface CountObjectsInput extends SourceName {
  readonly settings: S3Settings;
  readonly range: NonNullable<ListObjectsInput['range']>;
}

export interface ObjectCount {
  readonly objects: number;
  readonly sizeBytes: number;
  /** Of the objects, those that the ledger has already. */
  readonly alreadyLoaded: number;
}

export interface ListedObjects {
  readonly objects: readonly ObjectBatch[];
  /** Last key that was looked at; absent where there was none. */
  readonly lastKey?: string;
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
  /** Times that the activity was tried. */
  readonly attempts: number;
}

export interface ListBatchesInput extends SourceName {
  /** ISO times, half-open. */
  readonly from: string;
  readonly to: string;
  /** Batch id after which the listing goes on; empty at the start. */
  readonly after: string;
  readonly limit: number;
}

export interface ListedBatches {
  /** By id. */
  readonly batches: readonly Batch[];
  readonly more: boolean;
}

export interface ReprocessBatchInput extends LoadBatchInput {
  /** Only says what would become. */
  readonly dryRun: boolean;
}

export interface ReplayLettersInput extends LetterPage {
  /** Only says what would become. */
  readonly dryRun: boolean;
}

export interface ReplayedLetters {
  /** Open letters of the page. */
  readonly letters: number;
  /** Those that are rows now, or would be. */
  readonly resolved: number;
  /** Letter id after which the next page begins; absent behind the last one. */
  readonly next?: string;
}
