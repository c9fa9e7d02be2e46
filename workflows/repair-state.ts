/** What the workflows that correct the lake take, carry and show: replays of dead letters, reprocessing of a source. Pure. */
import type { ReplayLettersInput } from '../activities/contracts.ts';
import type { Replaced } from '../lake/replace.ts';
import type { SourceName } from '../sources/batch.ts';
import type { SourceSettings } from '../sources/settings.ts';

export interface ReplayInput extends Pick<ReplayLettersInput, 'tenantId' | 'filter' | 'dryRun'> {
  /** Carried across continue-as-new. */
  readonly status?: ReplayStatus;
  readonly after?: string;
}

export interface ReplayStatus {
  readonly done: boolean;
  /** Letters parsed again. */
  readonly letters: number;
  /** Those that are rows now; of a dry run, that would be. */
  readonly resolved: number;
}

export interface ReprocessInput extends SourceName {
  readonly settings: SourceSettings;
  /** ISO times, half-open. */
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  /** Carried across continue-as-new. */
  readonly status?: ReprocessStatus;
  readonly after?: string;
}

export interface ReprocessStatus extends Replaced {
  readonly done: boolean;
  /** Batches parsed again. */
  readonly batches: number;
  readonly batchesFailed: number;
  /** The first of those that failed. */
  readonly failed: readonly FailedBatch[];
}

export interface FailedBatch {
  readonly batchId: string;
  readonly code: string;
  readonly message: string;
}

export const nothingReprocessed: ReprocessStatus = {
  done: false,
  batches: 0,
  batchesFailed: 0,
  failed: [],
  records: 0,
  rowsKept: 0,
  rowsChanged: 0,
  rowsAdded: 0,
  rowsRemoved: 0,
  lettersResolved: 0,
  lettersAdded: 0,
};

const failedShownMax = 50;

export function withReplaced(status: ReprocessStatus, replaced: Replaced): ReprocessStatus {
  return {
    ...status,
    batches: status.batches + 1,
    records: status.records + replaced.records,
    rowsKept: status.rowsKept + replaced.rowsKept,
    rowsChanged: status.rowsChanged + replaced.rowsChanged,
    rowsAdded: status.rowsAdded + replaced.rowsAdded,
    rowsRemoved: status.rowsRemoved + replaced.rowsRemoved,
    lettersResolved: status.lettersResolved + replaced.lettersResolved,
    lettersAdded: status.lettersAdded + replaced.lettersAdded,
  };
}

export function withFailed(status: ReprocessStatus, failed: FailedBatch): ReprocessStatus {
  return {
    ...status,
    batchesFailed: status.batchesFailed + 1,
    failed: status.failed.length < failedShownMax ? [...status.failed, failed] : status.failed,
  };
}

/** Markdown for the workflow's page and for people. */
export function reprocessPage(status: ReprocessStatus, { dryRun }: { dryRun: boolean }): string {
  const lines = [
    `${status.batches} batches with ${status.records} records parsed again${dryRun ? ' (dry run: nothing is changed)' : ''}`,
    `rows: ${status.rowsKept} as they were, ${status.rowsChanged} changed, ${status.rowsAdded} added, ${status.rowsRemoved} removed`,
    `dead letters: ${status.lettersResolved} resolved, ${status.lettersAdded} added`,
    ...(status.batchesFailed === 0 ? [] : [`${status.batchesFailed} batches failed and stay as they were`]),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}
