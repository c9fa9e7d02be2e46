/** The envelope's values of a row: where it came from, what it is, and when. */
import type { TimeSource } from './envelope.ts';
import type { Origin, ParseResult, RawRecord, RejectCode, Row, TimeMicros } from './table.ts';

export interface Stamp {
  readonly eventId: string;
  /** Null or undefined: the record has no time of its own. */
  readonly eventTime: TimeMicros | null | undefined;
  /** Of `eventTime`. */
  readonly timeSource: TimeSource;
  readonly raw: string;
  readonly extra: Map<string, string>;
}

/** Fills the columns of envelope.ts in `row`. */
export function stampRow(row: Row, record: RawRecord, origin: Origin, stamp: Stamp): void {
  const timed = stamp.eventTime !== null && stamp.eventTime !== undefined;
  row['tenant_id'] = origin.tenantId;
  row['event_id'] = stamp.eventId;
  row['event_time'] = timed ? stamp.eventTime : origin.fallbackTime;
  row['time_source'] = timed ? stamp.timeSource : origin.fallbackTimeSource;
  row['ingested_at'] = origin.ingestedAt;
  row['batch_id'] = origin.batchId;
  row['source_ref'] = { uri: origin.uri, offset: record.offset, line: record.line };
  row['raw'] = stamp.raw;
  row['extra'] = stamp.extra;
}

/** A row of these columns with nothing in it: copied for every record, so that all rows of a table have one shape. */
export function blankRow(names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, null]));
}

export function reject(code: RejectCode, reason: string): ParseResult {
  return { reject: { code, reason } };
}
