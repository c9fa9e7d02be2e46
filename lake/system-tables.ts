/** The lake's own tables: the ledger of batches, the dead letters, the fence. */
import { bytes, int64, list, struct, text, timestamp } from '../tables/column.ts';
import type { Shape } from './values.ts';

/** The ledger: one row per batch that is in the lake. A batch that stands here is never loaded again. */
export const batches = {
  batch_id: text({ description: 'Derived from what the batch covers.', source: 'derived' }),
  tenant_id: text({ description: 'Tenant.', source: 'configuration' }),
  source_id: text({ description: 'Source of the tenant.', source: 'configuration' }),
  kind: text({ description: '`tap` a window of the SIEM API, `s3` a version of an object.', source: 'derived' }),
  pass: text({
    description:
      'Why a TAP window was read: `live`, `settle-…`, `backfill-…`; `lost` marks a gap the vendor no longer has.',
    source: 'derived',
  }),
  covers_from: timestamp({ description: 'Start of the TAP window, inclusive.', source: 'request' }),
  covers_to: timestamp({ description: 'End of the TAP window, exclusive.', source: 'request' }),
  read_at: timestamp({
    description: 'When the vendor was asked for the window, UTC: its age then tells how much of it was indexed.',
    source: 'worker clock',
  }),
  uri: text({ description: 'Request or object.', source: 'derived' }),
  size_bytes: int64({ description: 'Bytes read, as they came (compressed).', source: 'derived' }),
  fallback_time: timestamp({
    description: "Time of records without one of their own: hour of the TAP window, object's LastModified.",
    source: 'derived',
  }),
  timezone: text({
    description: 'Time zone of times that say none: `timezone` of the source; null: UTC.',
    source: 'configuration',
  }),
  counts: list(
    struct({ table_name: text(), records: int64(), rows: int64(), rows_added: int64(), dead_letters: int64() }),
    {
      description: 'Per table: records = rows + dead_letters; rows_added are those the lake did not have.',
      source: 'derived',
    },
  ),
  committed_at: timestamp({ description: 'When the batch entered the lake, UTC.', source: 'worker clock' }),
} satisfies Shape;

/** Records that could not become rows, with their bytes and the place they came from. */
export const deadLetters = {
  tenant_id: text({ description: 'Tenant.', source: 'configuration' }),
  dead_letter_id: text({
    description: 'Hash of table and bytes; identical records of one batch are numbered.',
    source: 'derived',
  }),
  source_id: text({ description: 'Source of the tenant.', source: 'configuration' }),
  table_name: text({ description: 'Table the record was meant for.', source: 'derived' }),
  batch_id: text({ description: 'Batch that brought it first.', source: 'derived' }),
  code: text({ description: 'Why, from a closed list.', source: 'derived' }),
  reason: text({ description: 'Why, for people; names fields, never values.', source: 'derived' }),
  source_ref: struct(
    { uri: text(), offset: int64(), line: int64() },
    { description: 'Place of the record.', source: 'derived' },
  ),
  raw: bytes({ description: 'The record, byte for byte.', source: 'whole record' }),
  failed_at: timestamp({ description: 'When it was parsed, UTC.', source: 'worker clock' }),
  resolved_at: timestamp({
    description: 'When it became a row after all, UTC; null while it is none.',
    source: 'worker clock',
  }),
  resolved_batch: text({ description: 'Batch whose reading made it a row.', source: 'derived' }),
} satisfies Shape;

/** What the schema does not know or could not hold, counted per batch, path, kind and type. Paths are field names, never values. */
export const drift = {
  tenant_id: text({ description: 'Tenant.', source: 'configuration' }),
  source_id: text({ description: 'Source of the tenant.', source: 'configuration' }),
  table_name: text({ description: 'Table whose rows have it in `extra`.', source: 'derived' }),
  path: text({ description: 'Path in the record; `[]` stands for any list index.', source: 'derived' }),
  kind: text({
    description: '`unknown_field` no column for it, `type_change` a value that its column cannot hold.',
    source: 'derived',
  }),
  json_type: text({
    description: 'Type of the value: string, number, boolean, null, array, object.',
    source: 'derived',
  }),
  occurrences: int64({ description: 'Number of such values in the batch.', source: 'derived' }),
  example: text({
    description: 'Shape of the first such value, up to 40 characters: letters as `a`, digits as `9`.',
    source: 'derived',
  }),
  batch_id: text({ description: 'Batch that brought them.', source: 'derived' }),
  seen_at: timestamp({ description: 'When the batch was parsed, UTC.', source: 'worker clock' }),
} satisfies Shape;

/** Messages of notification queues that nobody could make anything of. They are no longer in their queue. */
export const queueLetters = {
  queue_url: text({ description: 'Queue.', source: 'configuration' }),
  message_id: text({ description: 'Id that the queue gave the message.', source: 'queue' }),
  code: text({
    description:
      '`unreadable` not a notification of S3, `unloadable` about an object that could not be loaded again and again.',
    source: 'derived',
  }),
  reason: text({ description: 'Why, for people.', source: 'derived' }),
  body: text({ description: 'The message, up to 64 KiB of it.', source: 'queue' }),
  sent_at: timestamp({ description: 'When it was sent, UTC.', source: 'queue' }),
  kept_at: timestamp({ description: 'When it was taken from the queue, UTC.', source: 'worker clock' }),
} satisfies Shape;

/** Drift that an operator has seen: it is not listed again until it is of another kind or type. */
export const driftAcks = {
  tenant_id: text({ description: 'Tenant.', source: 'operator' }),
  table_name: text({ description: 'Table.', source: 'operator' }),
  path: text({ description: 'Path, as in `drift`.', source: 'operator' }),
  kinds: list(text(), { description: 'Kinds that were known then.', source: 'derived' }),
  json_types: list(text(), { description: 'Types that were known then.', source: 'derived' }),
  acked_at: timestamp({ description: 'When, UTC.', source: 'clock of the command' }),
} satisfies Shape;

/**
 * One row that every commit changes. DuckLake lets two inserts into one table commit side by side; two changes of one row it
 * does not. So of two attempts at a batch that overlap, one fails, starts over on the new snapshot, and finds the batch in the ledger.
 */
export const fence = {
  commits: int64({ description: 'Number of commits since the table was made.', source: 'derived' }),
} satisfies Shape;
