/** What a table of the predefined schema is, and what its parser takes and gives. */
import type { z } from 'zod';

export const tableNames = [
  'proofpoint_tap_messages_delivered',
  'proofpoint_tap_messages_blocked',
  'proofpoint_tap_clicks_permitted',
  'proofpoint_tap_clicks_blocked',
  'proofpoint_on_demand_message',
  'proofpoint_on_demand_maillog',
  'proofpoint_gateway_filter_logs',
  'proofpoint_gateway_sendmail_logs',
] as const;

export type TableName = (typeof tableNames)[number];

/** Microseconds since 1970 UTC: exact in a JavaScript number until the year 2255. */
export type TimeMicros = number;

/** One record as its source gave it, with its place: byte offset and 1-based line (or element) number in the batch. */
export interface RawRecord {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly line: number;
  /** Set where the record was longer than sources read: `bytes` is only its beginning, and the table rejects it as `too_large`. */
  readonly oversized?: true;
  /** Set where the source saw that no table can read the record, such as a CSV row with a cell too many: the table gives it back. */
  readonly reject?: Reject;
}

/** What parsing may know beyond the record: the same for every record of a batch. */
export interface Origin {
  readonly tenantId: string;
  readonly batchId: string;
  /** `s3://bucket/key` or `tap://host/v2/siem/all?interval=…`, as it stands in `source_ref.uri`. */
  readonly uri: string;
  /** Used where the record has no time of its own: an S3 object's LastModified, or the start of a TAP window's hour. */
  readonly fallbackTime: TimeMicros;
  readonly fallbackTimeSource: 'object' | 'window';
  /** Of lines whose time has none, as IANA names it; absent: UTC. */
  readonly timeZone?: string | undefined;
  readonly ingestedAt: TimeMicros;
}

/** Why a record is a dead letter: a closed list, stable for filters. */
export type RejectCode =
  | 'invalid_json'
  | 'invalid_csv'
  | 'not_an_object'
  | 'invalid_record'
  | 'unknown_record'
  | 'unknown_line'
  | 'too_large';

/** A record that cannot become a row. `reason` names the field path and the expectation, never the value. */
export interface Reject {
  readonly code: RejectCode;
  readonly reason: string;
}

export type ParseResult<R = Row> =
  | { readonly row: R; readonly reject?: never }
  | { readonly reject: Reject; readonly row?: never };

/** A row as it goes to the lake: column name to value, in the JavaScript form its column kind says (see column.ts). */
export type Row = Record<string, unknown>;

/** How a source value departs from the schema: a field it does not know, or a value that its column cannot hold. */
export type Departure = 'unknown_field' | 'type_change';

/** What a table says about itself, for its documentation page and its views. */
export interface TableFacts {
  readonly name: TableName;
  /** One sentence. */
  readonly description: string;
  /** The kinds of records that become rows, and what each is about. */
  readonly recordKinds: Readonly<Record<string, string>>;
  /** Where `event_time` comes from. */
  readonly eventTimeFrom: string;
  /** Where `disposition` comes from. */
  readonly dispositionFrom: string;
  /** Fields of the source that are known and have no column: `extra` keeps them, and they are no drift. As paths, list indexes as `[]`. */
  readonly kept?: readonly string[];
  /** What a row is in OCSF terms: ids of https://schema.ocsf.io/1.8.0 */
  readonly ocsf: OcsfEvent;
}

export interface OcsfEvent {
  /** 4009 Email Activity, 4002 HTTP Activity. */
  readonly classUid: 4009 | 4002;
  readonly activityId: number;
  /** 1 informational, 3 medium (a known threat that was stopped), 4 high (one that was not). */
  readonly severityId: 1 | 3 | 4;
}

export interface Table extends TableFacts {
  /** The one definition of the row: DDL, documentation and checks come from it. */
  readonly row: z.ZodObject;
  /** What names the thing the row is about (not the row): the key of the "latest" view. */
  readonly naturalKey: readonly string[];
  /**
   * `content`: the same record seen twice is one row.
   * `line`: identical lines of one batch are different rows; the lake numbers them (see lake/stage.ts).
   */
  readonly identity: 'content' | 'line';
  /** Of a table of JSON records: the path in the record where each column is looked for first. */
  readonly paths?: Readonly<Record<string, string>>;
  /** Total: never throws, whatever the bytes. Linear time. */
  parse(record: RawRecord, origin: Origin): ParseResult;
  /**
   * How a value that stands in a row's `extra` departs from the schema; undefined where it does not, such as a second value for a column.
   * `path`: the keys from the record's root, list indexes left out.
   */
  departure(path: readonly string[], value: unknown): Departure | undefined;
}
