/** The columns that every table begins with. */
import { int32, int64, list, struct, text, textMap, timestamp } from './column.ts';
import { dispositions } from './disposition.ts';

/** Raised when the same record would give other values: rows of an older parser can then be found and parsed again from `raw`. */
export const parserVersion = 3;

const observables = (what: string, meta: { description: string; example: string }) =>
  list(text(), { ...meta, source: `derived: every column that holds ${what}`, ocsf: 'observables[]' });

export const envelope = {
  tenant_id: text({
    description: 'Tenant that the source belongs to; never taken from the record.',
    source: 'configuration',
    ocsf: 'metadata.tenant_uid',
    example: 'acme',
  }),
  event_id: text({
    description:
      'Identity of the event within its tenant and table: a hash of the canonical record. The same record read twice is one row.',
    source: 'derived: see docs/tables',
    ocsf: 'metadata.uid',
    example: '5f3c1d0a9b7e44d2a1c0ffee12345678',
  }),
  event_time: timestamp({
    description: 'When the event happened, UTC.',
    source: 'see each table',
    ocsf: 'time',
    example: '2024-05-22 12:10:03.058340',
  }),
  time_source: text({
    description:
      "Where event_time comes from: `record` the record itself; `record+object` the record without a year, the year from the object; `object` the S3 object's LastModified; `window` the hour of the TAP window.",
    source: 'derived',
    example: 'record',
  }),
  ingested_at: timestamp({
    description: 'When the record was first parsed, UTC.',
    source: 'worker clock',
    ocsf: 'metadata.processed_time',
  }),
  batch_id: text({
    description: 'Batch (TAP window read, S3 object version) that brought the row; joins to `batches`.',
    source: 'derived',
  }),
  source_ref: struct(
    {
      uri: text({ description: 'Object or request.', source: 'derived', ocsf: 'metadata.log_source' }),
      offset: int64({ description: 'Byte offset of the record.', source: 'derived' }),
      line: int64({ description: 'Line or element number, from 1.', source: 'derived' }),
    },
    { description: 'Place of the record.', source: 'derived' },
  ),
  parser_version: int32({
    description: 'Version of the parser that made the row.',
    source: 'constant',
    example: String(parserVersion),
  }),
  class_uid: int32({
    description: 'OCSF class of the row.',
    source: 'constant of the table',
    ocsf: 'class_uid',
  }),
  activity_id: int32({
    description: 'OCSF activity of the row within its class.',
    source: 'constant of the table',
    ocsf: 'activity_id',
  }),
  disposition: text({
    description: `What became of the message, click or session: ${dispositions.map((word) => `\`${word}\``).join(', ')}; null where the record does not say.`,
    source: 'derived: see each table',
    ocsf: 'disposition',
    example: 'quarantined',
  }),
  disposition_id: int32({
    description: 'The same as an OCSF id; 0 where the record does not say.',
    source: 'derived: disposition',
    ocsf: 'disposition_id',
  }),
  raw: text({ description: 'The record as the source gave it.', source: 'whole record', ocsf: 'raw_data' }),
  extra: textMap({
    description: 'Every source field that has no column, and every value that did not fit its column: path to value.',
    source: 'unknown fields',
    ocsf: 'unmapped.extra',
  }),
  obs_ip: observables('addresses of hosts', {
    description: 'IP addresses in the row, each once, in canonical form (RFC 5952).',
    example: '192.0.2.255',
  }),
  obs_domain: observables('host names, addresses or URLs', {
    description:
      'Domains and host names in the row, each once, lower case, without the final dot, as ASCII; not the hosts of URL Defense.',
    example: 'malicious.example',
  }),
  obs_url: observables('URLs', {
    description: 'URLs in the row, each once, as given; of those that URL Defense rewrote also what they were before.',
    example: 'http://malicious.example/login',
  }),
  obs_email: observables('addresses of mailboxes', {
    description: 'E-mail addresses in the row, each once, lower case, their domains as in `obs_domain`.',
    example: 'lena.park@harbor.example',
  }),
  obs_hash: observables('hashes of files', {
    description: 'MD5, SHA-1, SHA-256 and SHA-512 hashes in the row, each once, lower case.',
    example: '9e107d9d372bb6826bd81d3542a419d6',
  }),
};

export type TimeSource = 'record' | 'record+object' | 'object' | 'window';
