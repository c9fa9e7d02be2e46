/**
 * proofpoint_on_demand_maillog: `maillog` records of the Proofpoint on Demand log service (Log API, Rev C). `data` is a line of sendmail;
 * `sm` is the service's own reading of it, which cuts values at the first `=` or `, ` (see the maillog sample data of
 * https://github.com/Azure/Azure-Sentinel), so that `data` is read again and believed first.
 */
import { text, timestamp } from './column.ts';
import { field, type Field, type Values } from './field.ts';
import { jsonText } from './json/canonical.ts';
import { jsonTable } from './json/json-table.ts';
import {
  deriveTransfer,
  lineKeys,
  recipientsField,
  recordKinds,
  relayEvent,
  senderField,
  transferColumns,
  transferDisposition,
  transferDispositionFrom,
  transferFields,
} from './mail-transfer.ts';
import { blankRow } from './stamp.ts';
import type { Row, TimeMicros } from './table.ts';
import { scanEquates, type Equates, type RecordKind } from './text/equates.ts';
import { assign, keep, planOf } from './text/plan.ts';
import { parseHeader } from './text/syslog-header.ts';

/** Where the equates stand in `sm`, if not under their own name. */
const renamed: Readonly<Record<string, string | readonly string[] | undefined>> = {
  size: 'sm.sizeBytes',
  tls_verify: ['sm.tls.verify', 'tls.verify'],
  tls_version: ['tls.version', 'sm.tls.version'],
  cipher: ['tls.cipher', 'sm.tls.cipher'],
};

const transfer = {
  qid: field(
    text,
    'sm.qid',
    { description: 'Queue id; joins to PoD messages, TAP messages and filter logs.', ocsf: 'message_trace_uid' },
    (qid) => (qid === 'NOQUEUE' ? '' : qid),
  ),
  sm_from: senderField('sm.from'),
  sm_to: recipientsField('sm.to'),
  ...transferFields((equate) => renamed[equate] ?? `sm.${equate}`),
};

const fields = {
  ml_id: field(text, 'id', {
    description: 'Id of the record; not proven to be unique.',
    ocsf: 'metadata.original_event_uid',
  }),
  ts: field(timestamp, 'ts', { description: 'When the line was written.', ocsf: 'metadata.original_time' }),
  cluster_id: field(text, ['pps.cid', 'metadata.origin.data.cid'], {
    description: 'Cluster that wrote the line.',
    ocsf: 'metadata.product.uid',
  }),
  pps_agent: field(text, ['pps.agent', 'metadata.origin.data.agent'], {
    description: 'Host that wrote the line.',
    ocsf: 'device.hostname',
  }),
  customer_id: field(text, 'metadata.customerId', { description: 'Customer of the vendor.' }),
  data: field(text, 'data', { description: 'The line of sendmail.', ocsf: 'message' }),
  ...transfer,
};

type Maillog = Values<typeof fields>;

const equates = planOf({
  sm_from: senderField('from'),
  sm_to: recipientsField('to'),
  ...transferFields(lineKeys),
});
const transferPaths = Object.entries<Field>(transfer).map(
  ([column, { paths }]) => [column, paths[0] ?? column] as const,
);
const blankTransfer = blankRow(Object.keys(transfer));

export const podMaillog = jsonTable({
  name: 'proofpoint_on_demand_maillog',
  description: 'Sendmail lines of Proofpoint on Demand: receipt and delivery attempts of every message.',
  recordKinds,
  eventTimeFrom: "ts, else the time of the line in data where it has a year, else the object's LastModified",
  dispositionFrom: transferDispositionFrom,
  // the last one is added by collectors
  kept: ['metadata.origin.schemaVersion', 'sm.bodytype', 'event_type'],
  ocsf: relayEvent,
  naturalKey: ['qid', 'sm_to'],
  fields,
  derived: transferColumns,
  derive(maillog, extra) {
    const kind = maillog.data === null ? 'other' : preferData(maillog.data, maillog, extra);
    return {
      ...deriveTransfer(maillog, maillog.sm_from),
      record_kind: kind === 'other' ? kindOf(maillog) : kind,
    };
  },
  eventTime: ({ ts, data }) => ts ?? (data === null ? null : lineTime(data)),
  disposition: transferDisposition,
});

/** Fills the columns from the line itself. What `sm` says is kept in `extra` where it is not a cut of what the line says. */
function preferData(line: string, maillog: Maillog, extra: Map<string, string>): RecordKind {
  const { qid, kind, keys, values } = equatesOf(line);
  const said = { ...blankTransfer, qid };
  // keys without a column stay readable in `data`
  assign(said, new Map(), equates, keys, values);
  const row: Row = maillog;
  for (const [column, path] of transferPaths) {
    const better = (said as Row)[column];
    const cut = row[column];
    if (better === null || better === cut) continue;
    // one per line, where something that did not fit the column is there already
    if (cut !== null && !bare(better).startsWith(bare(cut))) keep(extra, path, jsonText(cut));
    row[column] = better;
  }
  return kind;
}

/** Whether a line is one that sendmail writes, whatever its program is called: `sm-mta`, say. */
export function isMailLine(line: string): boolean {
  return line.includes('sendmail') || equatesOf(line).kind !== 'other';
}

function equatesOf(line: string): Equates {
  return scanEquates(line, parseHeader(line, { fallbackTime: 0 }).end);
}

/** The service leaves out brackets and final dots. */
function bare(value: unknown): string {
  return String(value).replaceAll(/[<>. ]/g, '');
}

function kindOf(maillog: Maillog): RecordKind {
  if (maillog.sm_to !== null) return 'to';
  return maillog.sm_from !== null || maillog.nrcpts !== null ? 'from' : 'other';
}

/** Only a time with a year: a record has no object to take the year from. */
function lineTime(line: string): TimeMicros | null {
  const { time, timeSource } = parseHeader(line, { fallbackTime: 0 });
  return timeSource === 'record' ? (time ?? null) : null;
}
