/** The columns that every table begins with. */
import { int64, struct, text, textMap, timestamp } from './column.ts';

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
    description: 'When the record was parsed, UTC.',
    source: 'worker clock',
    ocsf: 'metadata.logged_time',
  }),
  batch_id: text({
    description: 'Batch (TAP window read, S3 object version) that brought the row; joins to `batches`.',
    source: 'derived',
  }),
  source_ref: struct(
    { uri: text(), offset: int64(), line: int64() },
    {
      description: 'Place of the record: object or request, byte offset, line or element number from 1.',
      source: 'derived',
      ocsf: 'metadata.original_event_uid',
    },
  ),
  raw: text({ description: 'The record as the source gave it.', source: 'whole record', ocsf: 'raw_data' }),
  extra: textMap({
    description: 'Every source field that has no column, and every value that did not fit its column: path to value.',
    source: 'unknown fields',
    ocsf: 'unmapped',
  }),
};

export type TimeSource = 'record' | 'record+object' | 'object' | 'window';
