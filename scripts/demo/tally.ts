/** Counts what the lake holds, tenant by tenant and table by table, and holds it against what went in. */
import type { LakeReader } from '../../lake/reader.ts';
import { inList } from '../../lake/sql.ts';
import { type TableName, tableNames } from '../../tables/table.ts';
import type { Expected } from './world.ts';

export interface Tally {
  readonly tenantId: string;
  readonly table: TableName;
  readonly records: number;
  readonly rows: number;
  readonly deadLetters: number;
  /** ISO time; absent without rows. */
  readonly lastEvent?: string;
}

/** `records` come from the ledger; rows and dead letters are counted where they lie. */
export async function tally(lake: LakeReader): Promise<Tally[]> {
  const data = tableNames.map(
    (table) =>
      `SELECT tenant_id, '${table}' AS table_name, count(*)::INTEGER AS row_count, max(event_time) AS last_event FROM ${table} GROUP BY ALL`,
  );
  const { rows } = await lake.query(`
    WITH data AS (${data.join(' UNION ALL ')}),
      letters AS (SELECT tenant_id, table_name, count(*)::INTEGER AS letter_count FROM dead_letters WHERE resolved_at IS NULL GROUP BY ALL),
      ledger AS (
        SELECT tenant_id, counted.table_name AS table_name, sum(counted.records)::INTEGER AS record_count
        FROM (SELECT tenant_id, unnest(counts) AS counted FROM batches) GROUP BY ALL)
    SELECT * FROM ledger LEFT JOIN data USING (tenant_id, table_name) LEFT JOIN letters USING (tenant_id, table_name)
    WHERE table_name IN ${inList(tableNames)} ORDER BY tenant_id, table_name`);
  return rows.map((row) => ({
    tenantId: String(row['tenant_id']),
    table: row['table_name'] as TableName,
    records: Number(row['record_count'] ?? 0),
    rows: Number(row['row_count'] ?? 0),
    deadLetters: Number(row['letter_count'] ?? 0),
    ...(row['last_event'] == null ? {} : { lastEvent: `${String(row['last_event']).slice(0, 19).replace(' ', 'T')}Z` }),
  }));
}

/** What differs, in words; empty when everything is there exactly once. */
export function differences(found: readonly Tally[], expected: readonly Expected[]): string[] {
  const key = (entry: { tenantId: string; table: string }) => `${entry.tenantId} ${entry.table}`;
  const known = new Map(found.map((entry) => [key(entry), entry]));
  const wanted = new Set(expected.map(key));
  const missing = expected.flatMap((entry) => {
    const { rows = 0, records = 0, deadLetters = 0 } = known.get(key(entry)) ?? {};
    if (rows === entry.records - entry.deadLetters && records === entry.records && deadLetters === entry.deadLetters)
      return [];
    return [
      `${key(entry)}: ${records} records, ${rows} rows, ${deadLetters} dead letters; ${entry.records} records and ${entry.deadLetters} dead letters went in`,
    ];
  });
  const foreign = found.filter((entry) => entry.records > 0 && !wanted.has(key(entry)));
  return [...missing, ...foreign.map((entry) => `${key(entry)}: ${entry.rows} rows that nobody put in`)];
}
