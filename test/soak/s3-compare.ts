/** What the lake holds of a bucket, held against what the bucket was given. */
import { openLakeReader } from '../../lake/reader.ts';
import { queryLake, sqliteLake } from '../support/lake.ts';
import type { Truth } from './bucket.ts';
import { bucketName } from './s3-uploads.ts';

export async function countBatches(dataDir: string): Promise<number> {
  const [counted] = await queryLake(sqliteLake(dataDir), 'SELECT count(*)::INTEGER AS batches FROM batches');
  return Number(counted?.['batches']);
}

/** Row for row in both directions, a sixteenth at a time. */
export async function compare(dataDir: string, tenantId: string, truth: Truth) {
  const lake = await openLakeReader(sqliteLake(dataDir));
  let [missing, surplus, misplaced, lines] = [0, 0, 0, 0];
  const uriStart = `s3://${bucketName}/`.length + 1;
  try {
    for (const digit of '0123456789abcdef') {
      const { rows } = await lake.query(`
        SELECT md5(raw) AS line, md5(raw || ' ' || substr(source_ref.uri, ${uriStart})) AS place
        FROM proofpoint_gateway_filter_logs WHERE tenant_id = '${tenantId}' AND md5(raw) LIKE '${digit}%'`);
      const held = new Map<string, number>();
      for (const { line, place } of rows) {
        held.set(String(line), (held.get(String(line)) ?? 0) + 1);
        if (!truth.places.has(String(place))) misplaced += 1;
      }
      for (const [line, times] of held) surplus += Math.max(0, times - (truth.lines.get(line) ?? 0));
      for (const [line, times] of truth.lines) {
        if (!line.startsWith(digit)) continue;
        lines += times;
        missing += Math.max(0, times - (held.get(line) ?? 0));
      }
    }
    const letters = await lake.query('SELECT count(*)::INTEGER AS letters FROM dead_letters');
    return { lines, missing, surplus, misplaced, deadLetters: Number(letters.rows[0]?.['letters']) };
  } finally {
    lake.close();
  }
}
