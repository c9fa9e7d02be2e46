/** The ledger of batches: what each did, and which of them a range of time is about. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { TableName, TimeMicros } from '../tables/table.ts';
import { inList, name, quote, timestampLiteral } from './sql.ts';

/** What a batch did, per table: the same answer whoever asks and however often. `rowsAdded` are the rows that the lake did not have. */
export interface TableReceipt {
  readonly table: TableName;
  readonly records: number;
  readonly rows: number;
  readonly rowsAdded: number;
  readonly deadLetters: number;
}

export interface Receipt {
  readonly batchId: string;
  readonly tables: readonly TableReceipt[];
}

/** What the ledger says of batches, by id; those that are not in the lake are absent. */
export async function readReceipts(
  connection: DuckDBConnection,
  batchIds: Iterable<string>,
): Promise<Map<string, Receipt>> {
  const looks = idRanges(batchIds).map((ids) => `SELECT batch_id, counts FROM lake.batches WHERE ${isAmong(ids)}`);
  const result = await connection.runAndReadAll(looks.join(' UNION ALL '));
  return new Map(
    result.getRowObjectsJS().map((entry) => {
      const batchId = String(entry['batch_id']);
      const counts = entry['counts'] as Record<string, string | bigint>[];
      const receipts = counts.map((count) => ({
        table: count['table_name'] as TableName,
        records: Number(count['records']),
        rows: Number(count['rows']),
        rowsAdded: Number(count['rows_added']),
        deadLetters: Number(count['dead_letters']),
      }));
      return [batchId, { batchId, tables: receipts }];
    }),
  );
}

/** Each is a scan to plan, which takes as long as reading 200,000 ids. */
const rangesMax = 4;

/**
 * The ids in the order of DuckDB, those of a source together: between those of two sources lie those of many others. Those who ask together mostly ask for
 * batches of few sources.
 */
export function idRanges(batchIds: Iterable<string>): string[][] {
  // as DuckDB orders text: by its bytes
  const ids = Array.from(batchIds, (id) => Buffer.from(id))
    .toSorted((one, other) => Buffer.compare(one, other))
    .map(String);
  const bySource = new Map<string, string[]>();
  for (const id of ids) {
    const source = id.split('/', 2).join('/');
    const known = bySource.get(source);
    if (known === undefined) bySource.set(source, [id]);
    else known.push(id);
  }
  return bySource.size > rangesMax || bySource.size === 0 ? [ids] : [...bySource.values()];
}

/** A list alone chooses no files: all of the ledger would be read. The range leaves few files and row groups of them. */
function isAmong(ids: readonly string[]): string {
  const [first = '', last = ''] = [ids.at(0), ids.at(-1)];
  return `batch_id IN ${inList(ids)} AND batch_id BETWEEN ${quote(first)} AND ${quote(last)}`;
}

/** Replaces the counts of batches; to be called within a transaction. */
export async function updateCounts(connection: DuckDBConnection, receipts: readonly Receipt[]): Promise<void> {
  if (receipts.length === 0) return;
  const values = receipts.map(({ batchId, tables }) => {
    const counts = tables.map(
      ({ table, records, rows, rowsAdded, deadLetters }) =>
        `{table_name: ${quote(table)}, records: ${records}, rows: ${rows}, rows_added: ${rowsAdded}, dead_letters: ${deadLetters}}`,
    );
    return `(${quote(batchId)}, [${counts.join(', ')}])`;
  });
  await connection.run(`
    UPDATE lake.batches AS batch SET counts = changed.counts
    FROM (VALUES ${values.join(', ')}) AS changed (batch_id, counts) WHERE batch.batch_id = changed.batch_id`);
}

/** Writes the zone in which a batch was read into its entry, to be called within a transaction; false where it stands there. */
export async function updateTimezone(
  connection: DuckDBConnection,
  batchId: string,
  timezone: string | undefined,
): Promise<boolean> {
  const zone = timezone === undefined ? 'NULL' : quote(timezone);
  const updated = await connection.run(
    `UPDATE lake.batches SET timezone = ${zone} WHERE batch_id = ${quote(batchId)} AND timezone IS DISTINCT FROM ${zone}`,
  );
  return updated.rowsChanged > 0;
}

export interface BatchRange {
  readonly tenantId: string;
  readonly sourceId: string;
  readonly from: TimeMicros;
  readonly to: TimeMicros;
  /** Batch id after which the listing goes on; empty at the start. */
  readonly after: string;
  readonly limit: number;
}

/** A batch as the ledger knows it. */
export interface LedgerBatch {
  readonly batchId: string;
  readonly kind: 'tap' | 's3';
  readonly pass: string | null;
  readonly coversFrom: TimeMicros | null;
  readonly coversTo: TimeMicros | null;
  readonly uri: string;
  readonly sizeBytes: number;
  readonly fallbackTime: TimeMicros;
}

/**
 * The batches of a source, by id, that the range is about: windows that overlap it, objects that brought rows of it or were last modified
 * in it. Recorded gaps are left out: nothing was read.
 */
export async function listBatches(connection: DuckDBConnection, range: BatchRange): Promise<LedgerBatch[]> {
  const source = `tenant_id = ${quote(range.tenantId)} AND source_id = ${quote(range.sourceId)}`;
  const [from, to] = [timestampLiteral(range.from), timestampLiteral(range.to)];
  const tables = await connection.runAndReadAll(
    `SELECT DISTINCT unnest(counts).table_name FROM lake.batches WHERE ${source} AND kind = 's3'`,
  );
  const brought = tables.getRows().map(
    ([table]) => `
      UNION SELECT batch_id FROM lake.${name(String(table))}
      WHERE tenant_id = ${quote(range.tenantId)} AND event_time >= ${from} AND event_time < ${to}`,
  );
  const result = await connection.runAndReadAll(`
    WITH concerned AS (
      SELECT batch_id FROM lake.batches
      WHERE ${source} AND coalesce(covers_from, fallback_time, committed_at) < ${to}
        AND (covers_to > ${from} OR covers_to IS NULL AND coalesce(fallback_time, committed_at) >= ${from})
      ${brought.join('')})
    SELECT batch_id, kind, pass, epoch_us(covers_from) AS covers_from, epoch_us(covers_to) AS covers_to, uri, size_bytes,
      epoch_us(coalesce(fallback_time, committed_at)) AS fallback_time
    FROM lake.batches SEMI JOIN concerned USING (batch_id)
    WHERE ${source} AND pass IS DISTINCT FROM 'lost' AND batch_id > ${quote(range.after)}
    ORDER BY batch_id LIMIT ${range.limit}`);
  const micros = (value: unknown) => (value === null ? null : Number(value));
  return result.getRowObjectsJS().map((entry) => ({
    batchId: String(entry['batch_id']),
    kind: entry['kind'] as LedgerBatch['kind'],
    pass: entry['pass'] as string | null,
    coversFrom: micros(entry['covers_from']),
    coversTo: micros(entry['covers_to']),
    uri: String(entry['uri']),
    sizeBytes: Number(entry['size_bytes']),
    fallbackTime: Number(entry['fallback_time']),
  }));
}
