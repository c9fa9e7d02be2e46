/** The state of a source: what it carries from run to run, and what it shows. Pure. */
import type { SourceKind, SourceSettings } from '../sources/settings.ts';
import type { S3Detail } from './s3-detail.ts';
import type { TapDetail } from './tap-detail.ts';

/**
 * `running` more to read right now · `idle` caught up · `late` reading, but far behind · `backoff` failing, tried again by itself ·
 * `blocked` failing, an operator must act · `paused` by an operator
 */
export type PipelineState = 'running' | 'idle' | 'late' | 'backoff' | 'blocked' | 'paused';

export interface SourceError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** ISO time. */
  readonly at: string;
}

export interface Totals {
  readonly batches: number;
  readonly records: number;
  readonly rowsAdded: number;
  readonly deadLetters: number;
}

export const noTotals: Totals = { batches: 0, records: 0, rowsAdded: 0, deadLetters: 0 };

/** Carried across continue-as-new; stays below 2 KB. */
export interface SourceState {
  /** TAP: ISO time up to which all windows are read. S3: last key read; empty at the start. */
  readonly cursor: string;
  /** ISO time or key at which the source began. */
  readonly startedFrom: string;
  /** ISO time up to which the source is complete; absent until something was read. */
  readonly watermark?: string;
  readonly paused?: { readonly reason: string };
  readonly consecutiveErrors: number;
  readonly lastError?: SourceError;
  readonly totals: Totals;
  /** TAP only. */
  readonly tap?: TapDetail;
  /** S3 only. */
  readonly s3?: S3Detail;
}

/** Input of a source workflow: `state` is absent on the very first run. */
export interface SourceInput {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly settings: SourceSettings;
  readonly state?: SourceState;
}

/** Answer of the `status` query and of every Update. */
export interface SourceStatus extends Omit<SourceState, 'paused'> {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly kind: SourceKind;
  readonly pipelineState: PipelineState;
  readonly lagSeconds?: number;
  /** ISO time of the next read; absent while reading, paused or blocked. */
  readonly nextReadAt?: string;
  readonly pauseReason?: string;
  /** Holds references to secrets, never secrets. */
  readonly settings: SourceSettings;
}

export function workflowIdOf({ tenantId, sourceId }: { tenantId: string; sourceId: string }): string {
  return `ingest/${tenantId}/${sourceId}`;
}
