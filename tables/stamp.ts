/** The envelope's values of a row: where it came from, what it is, when, what became of it, and which indicators it holds. */
import { z } from 'zod';
import { dispositionIds, type Disposition } from './disposition.ts';
import { envelope, parserVersion, type TimeSource } from './envelope.ts';
import { observer } from './observe.ts';
import type { Origin, ParseResult, RawRecord, RejectCode, Row, TableFacts, TimeMicros } from './table.ts';

export interface Stamp {
  readonly eventId: string;
  /** Null or undefined: the record has no time of its own. */
  readonly eventTime: TimeMicros | null | undefined;
  /** Of `eventTime`. */
  readonly timeSource: TimeSource;
  readonly disposition: Disposition | null;
  readonly raw: string;
  readonly extra: Map<string, string>;
}

/** The schema of a table's rows. Throws where a column has a name of the envelope: a mistake in a table's definition. */
export function rowSchema<T extends Readonly<Record<string, z.ZodType>>>(columns: T) {
  const taken = Object.keys(columns).filter((name) => name in envelope);
  if (taken.length > 0) throw new Error(`columns of the envelope are defined again: ${taken.join(', ')}`);
  return z.object({ ...envelope, ...columns });
}

/** Gives a function that fills the columns of envelope.ts in a row whose other columns are filled. */
export function stamper({ ocsf }: Pick<TableFacts, 'ocsf'>, schema: z.ZodObject) {
  const observe = observer(schema.shape);
  const { classUid, activityId } = ocsf;

  return (row: Row, record: RawRecord, origin: Origin, stamp: Stamp): void => {
    const timed = stamp.eventTime !== null && stamp.eventTime !== undefined;
    row['tenant_id'] = origin.tenantId;
    row['event_id'] = stamp.eventId;
    row['event_time'] = timed ? stamp.eventTime : origin.fallbackTime;
    row['time_source'] = timed ? stamp.timeSource : origin.fallbackTimeSource;
    row['ingested_at'] = origin.ingestedAt;
    row['batch_id'] = origin.batchId;
    row['source_ref'] = { uri: origin.uri, offset: record.offset, line: record.line };
    row['parser_version'] = parserVersion;
    row['class_uid'] = classUid;
    row['activity_id'] = activityId;
    row['disposition'] = stamp.disposition;
    row['disposition_id'] = stamp.disposition === null ? 0 : dispositionIds[stamp.disposition];
    row['raw'] = stamp.raw;
    row['extra'] = stamp.extra;
    observe(row);
  };
}

/** A row of these columns with nothing in it: copied for every record, so that all rows of a table have one shape. */
export function blankRow(names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, null]));
}

export function reject(code: RejectCode, reason: string): ParseResult {
  return { reject: { code, reason } };
}
