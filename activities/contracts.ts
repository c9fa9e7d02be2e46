/** What activities take and give. Types only: workflow code imports them. Nothing here holds a secret or an event. */
import type { LetterPage } from '../lake/dead-letters.ts';
import type { Batch, ObjectBatch, SourceName, TapBatch } from '../sources/batch.ts';
import type { QueueRoute } from '../sources/s3/queue-routes.ts';
import type { S3Settings, SourceSettings, TapSettings } from '../sources/settings.ts';
import type { TableName } from '../tables/table.ts';

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

/** Totals as sources and backfills add them up: of one batch, or of so many. */
export type LoadedTotals = Pick<Loaded, 'records' | 'rowsAdded' | 'deadLetters'> & { readonly batches?: number };

export interface RecordGapInput extends SourceName {
  readonly settings: TapSettings;
  readonly from: string;
  readonly to: string;
}

export interface ListObjectsInput extends SourceName {
  readonly settings: S3Settings;
  /** Key after which the listing goes on; absent: from the start of the prefix. */
  readonly startAfter?: string;
  /** Last key that is wanted; absent: to the end of the prefix. */
  readonly until?: string;
  /** So many List requests at most; the listing ends earlier where it finds enough to load. */
  readonly listsMax: number;
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
  /** Objects whose keys have no date, where the range means that of the key: they are in no range. Absent in answers of earlier versions. */
  readonly undated?: number;
}

/** One version of an object in the source's bucket. */
export type ObjectToLoad = Omit<ObjectBatch, 'kind' | 'bucket'>;

export interface ListedObjects {
  /** Those that the ledger does not have; bounded, see activities/list-objects.ts. */
  readonly objects: readonly ObjectToLoad[];
  /** Last key that was looked at; absent where there was none. */
  readonly lastKey?: string;
  /** Of the last two pages' keys that were looked at, the one that was uploaded last. */
  readonly newest?: string;
  readonly more: boolean;
  /** ISO time at which the listing began: everything uploaded before is in this page or an earlier one. */
  readonly listedAt: string;
  readonly listRequests: number;
  /** Objects that were looked at and wanted. */
  readonly seen: number;
}

export interface LoadObjectsInput extends SourceName {
  readonly settings: S3Settings;
  /** As `groupObjects` of sources/s3/plan.ts makes them. */
  readonly objects: readonly ObjectToLoad[];
}

/** An object that could not be had, and why: as ActivityFailures tell it. */
export interface FailedObject extends FailureDetails {
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

/** What a group of objects came to: batches + gone + failedCount = objects. */
export interface LoadedObjects extends Omit<Loaded, 'batchId'> {
  readonly batches: number;
  /** Deleted between listing and reading. */
  readonly gone: number;
  /** Of the batches, those of archived objects: a dead letter each. */
  readonly archived: number;
  readonly failedCount: number;
  /** The first few of them. */
  readonly failed: readonly FailedObject[];
}

/** Messages of a queue that sources share. */
export interface DrainQueueInput {
  readonly queueUrl: string;
  readonly region: string;
  /** The source whose credentials read the queue. */
  readonly reader: S3Settings;
  /** Between two looks at an empty queue. */
  readonly everySeconds: number;
  /** Nothing is received after so long; what was received is finished. */
  readonly receiveSeconds: number;
}

/** Answer of a queue's workflow to the query `routes`: payloads of queries are no history, and sources share a queue by the hundred. */
export interface QueueRoutes {
  /** Another one after each change. */
  readonly version: number;
  /** Nothing is to be received any more. */
  readonly isPaused: boolean;
  /** Absent where they are of the version that the question names. */
  readonly routes?: readonly QueueRoute[];
}

/** What a while at a queue came to: received = done + kept + left to be received again by whoever comes next. */
export interface DrainedQueue {
  readonly received: number;
  /** Deleted: their objects are in the lake, or there was nothing to load. */
  readonly done: number;
  /** Of those done, messages about objects of no source, by bucket. */
  readonly foreign: Readonly<Record<string, number>>;
  /** Could not be understood, or loaded: kept in the lake as letters, and deleted. */
  readonly kept: number;
  readonly loaded: LoadedTotals;
  /** The first few objects that could not be loaded; their messages come again. */
  readonly failed: readonly (FailedObject & SourceName)[];
  /** More messages wait, as it seems. */
  readonly more: boolean;
  /** Why the queue, or the lake, was left before its time, although some messages are done. */
  readonly trouble?: FailureDetails & Pick<FailedObject, 'code' | 'message'>;
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
  readonly sample?: ObjectSample;
}

/** What the beginning of an object holds: shapes, counts and times, no values. */
export interface ObjectSample {
  /** Shortened to its end where it is long. */
  readonly key: string;
  readonly compression: string;
  readonly form: 'lines of text' | 'JSON' | 'CSV';
  /** Decompressed, that were looked at. */
  readonly sizeBytes: number;
  /** The object has no more. */
  readonly isWhole: boolean;
  readonly tables: readonly TableSample[];
}

export interface TableSample {
  readonly table: TableName;
  /** rows + dead letters */
  readonly records: number;
  readonly rows: number;
  readonly deadLetters: readonly { readonly code: string; readonly reason: string; readonly count: number }[];
  /** Of the table's own columns those that have a value, and in how many rows. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly filled: number }[];
  /** ISO times of the first and the last event among the rows whose record has a time. */
  readonly firstEventAt?: string;
  readonly lastEventAt?: string;
  /** Fields that the schema does not know, and values that their columns cannot hold. */
  readonly drift: readonly {
    readonly path: string;
    readonly kind: string;
    readonly jsonType: string;
    readonly count: number;
  }[];
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

export interface RemoveUnneededInput {
  /** Earlier states of the lake can be read for so long. */
  readonly keepSeconds: number;
}
