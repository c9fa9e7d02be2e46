/** The state of a backfill. Pure. */
import type { SourceName } from '../sources/batch.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import type { Totals } from './source-state.ts';

/** Half-open, ISO times in whole UTC minutes. */
export interface Interval {
  readonly from: string;
  readonly to: string;
}

/** A window or object that could not be had. */
export interface FailedUnit {
  readonly unit: string;
  readonly code: string;
  readonly message: string;
}

/** What a backfill waits to be over. */
export interface Outage {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** ISO time. */
  readonly retryAt: string;
}

export interface BackfillProgress {
  /** TAP: index of the next window. S3: last key of the last page that is done. */
  readonly next: string;
  readonly done: number;
  readonly failed: readonly FailedUnit[];
  /** Absent in the progress of earlier versions. */
  readonly failedCount?: number;
  readonly totals: Totals;
  readonly requests: number;
  readonly paused: boolean;
  readonly startedAt: string;
}

interface BackfillInput extends SourceName {
  readonly from: string;
  readonly to: string;
  /** Windows or objects in all. */
  readonly unitsTotal: number;
  readonly progress?: BackfillProgress;
}

export interface TapBackfillInput extends BackfillInput {
  readonly settings: TapSettings;
  /** What to read. */
  readonly intervals: readonly Interval[];
  /** Batches of this backfill are called after it: another backfill of the same time reads anew. */
  readonly startedAt: string;
}

export interface S3BackfillInput extends BackfillInput {
  readonly settings: S3Settings;
  readonly by: ObjectTime;
}

/** Which time of an object a range means: the one in its key, or when it was uploaded. */
export type ObjectTime = 'key' | 'modified';

/** `quota` waits for requests that the vendor still allows, `backoff` for the end of an outage. */
export type BackfillState = 'running' | 'quota' | 'backoff' | 'paused' | 'done';

export interface BackfillStatus extends SourceName {
  readonly from: string;
  readonly to: string;
  readonly state: BackfillState;
  readonly unitsTotal: number;
  readonly done: number;
  readonly failedCount: number;
  /** The first of them. */
  readonly failed: readonly FailedUnit[];
  /** Set in state `backoff`. */
  readonly outage?: Outage;
  readonly totals: Totals;
  readonly requests: number;
  readonly startedAt: string;
  /** Absent until something is done. */
  readonly etaSeconds?: number;
}

/** So many failures are kept with their words; the rest is counted. */
export const failedMax = 50;

export function backfillIdOf({ from, to }: { from: string; to: string }): string {
  return `${compact(from)}_${compact(to)}`;
}

export function backfillWorkflowIdOf(input: SourceName & { from: string; to: string }): string {
  return `backfill/${input.tenantId}/${input.sourceId}/${backfillIdOf(input)}`;
}

function compact(time: string): string {
  return time.replace(/:00Z$/, 'Z').replaceAll(':', '');
}
