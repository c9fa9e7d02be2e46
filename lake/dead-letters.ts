/** Dead letters: found by what they are, and moved to rows once their records can be parsed. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { tables } from '../tables/registry.ts';
import type { RawRecord, Row, TableName, TimeMicros } from '../tables/table.ts';
import { createDriftWatch, type DriftWatch } from './drift-watch.ts';
import { type Drifting, insertDrift } from './drift.ts';
import { raiseFence } from './fence.ts';
import { insertTable } from './insert-rows.ts';
import { readReceipts, type TableReceipt, updateCounts } from './ledger.ts';
import { bareIdLength } from './numbering.ts';
import { inList, name, quote, timestampLiteral } from './sql.ts';
import { type BatchHeader, type SealedStage } from './stage.ts';
import { inTransaction } from './transaction.ts';

/** Which letters: all that is given must hold. Times are ISO and say when the record failed, half-open. */
export interface LetterFilter {
  readonly sourceId?: string;
  readonly table?: TableName;
  readonly code?: string;
  readonly from?: string;
  readonly to?: string;
}

/** The filter as a condition on `dead_letters`. */
export function letterCondition(tenantId: string | undefined, filter: LetterFilter): string {
  const micros = (time: string) => timestampLiteral(Date.parse(time) * 1000);
  return [
    'true',
    ...(tenantId === undefined ? [] : [`tenant_id = ${quote(tenantId)}`]),
    ...(filter.sourceId === undefined ? [] : [`source_id = ${quote(filter.sourceId)}`]),
    ...(filter.table === undefined ? [] : [`table_name = ${quote(filter.table)}`]),
    ...(filter.code === undefined ? [] : [`code = ${quote(filter.code)}`]),
    ...(filter.from === undefined ? [] : [`failed_at >= ${micros(filter.from)}`]),
    ...(filter.to === undefined ? [] : [`failed_at < ${micros(filter.to)}`]),
  ].join(' AND ');
}

/** These letters do not hold their record, or not all of it: only their batch can be parsed again. */
export const notReplayable = ['archived_object', 'corrupt_object', 'invalid_csv', 'too_large'] as const;

const pageBytesMax = 32 << 20;

export interface LetterPage {
  readonly tenantId: string;
  readonly filter: LetterFilter;
  /** Letter id after which the page begins; empty at the start. */
  readonly after: string;
  readonly limit: number;
}

/** A letter with all that parsing its record again takes. */
export interface Letter {
  readonly letterId: string;
  readonly table: TableName;
  readonly batchId: string;
  readonly batchKind: 'tap' | 's3';
  /** The tables that records of the batch may go to. */
  readonly batchTables: readonly TableName[];
  readonly sourceId: string;
  readonly uri: string;
  readonly fallbackTime: TimeMicros;
  /** Of times that say none; absent: UTC. */
  readonly timezone?: string | undefined;
  readonly record: RawRecord;
}

/** Open letters by id, at most `limit` and about 32 MB; empty behind the last. */
export async function readLetters(connection: DuckDBConnection, page: LetterPage): Promise<Letter[]> {
  const result = await connection.runAndReadAll(`
    WITH listed AS (
      SELECT dead_letter_id, octet_length(raw) AS size_bytes FROM lake.dead_letters
      WHERE ${letterCondition(page.tenantId, page.filter)} AND resolved_at IS NULL AND code NOT IN ${inList(notReplayable)}
        AND dead_letter_id > ${quote(page.after)}
      ORDER BY dead_letter_id LIMIT ${page.limit}),
    page AS (
      FROM listed QUALIFY row_number() OVER (ORDER BY dead_letter_id) = 1
        OR sum(size_bytes) OVER (ORDER BY dead_letter_id) <= ${pageBytesMax})
    SELECT letter.dead_letter_id, letter.table_name, letter.batch_id, batch.kind, [c.table_name FOR c IN batch.counts] AS batch_tables,
      letter.source_id, letter.source_ref.uri AS uri, letter.source_ref."offset" AS record_offset, letter.source_ref.line AS line, letter.raw,
      epoch_us(coalesce(batch.fallback_time, batch.committed_at)) AS fallback_time, batch.timezone
    FROM lake.dead_letters AS letter SEMI JOIN page USING (dead_letter_id) JOIN lake.batches AS batch USING (batch_id)
    WHERE letter.tenant_id = ${quote(page.tenantId)}
    ORDER BY letter.dead_letter_id`);
  return result.getRowObjectsJS().map((letter) => ({
    letterId: String(letter['dead_letter_id']),
    table: letter['table_name'] as TableName,
    batchId: String(letter['batch_id']),
    batchKind: letter['kind'] as Letter['batchKind'],
    batchTables: letter['batch_tables'] as TableName[],
    sourceId: String(letter['source_id']),
    uri: String(letter['uri']),
    fallbackTime: Number(letter['fallback_time']),
    timezone: (letter['timezone'] as string | null) ?? undefined,
    record: {
      bytes: letter['raw'] as Uint8Array,
      offset: Number(letter['record_offset']),
      line: Number(letter['line']),
    },
  }));
}

/** A letter whose record parses. */
export interface Solved {
  readonly letter: Letter;
  readonly table: TableName;
  readonly row: Row;
}

/** A stage of such rows needs a header; the rows keep the batch and the place of their letters. */
export function replayHeader(tenantId: string): BatchHeader {
  return {
    batchId: `${tenantId}/replay`,
    tenantId,
    sourceId: 'replay',
    kind: 's3',
    pass: null,
    coversFrom: null,
    coversTo: null,
    readAt: null,
    uri: '',
    sizeBytes: 0,
    fallbackTime: 0,
  };
}

/** The solved letters with the ids that their rows would have got in their batch: letters and rows number identical records alike. */
export function numbered(solved: readonly Solved[]): Solved[] {
  return solved.map(({ letter, table, row }) => {
    const ordinal = tables[table].identity === 'line' ? letter.letterId.slice(bareIdLength) : '';
    return { letter, table, row: { ...row, event_id: `${String(row['event_id'])}${ordinal}` } };
  });
}

/**
 * Moves letters to rows in one transaction: the staged rows that the lake does not have, the letters resolved, the counts and the drift
 * of their batches. False, and nothing changed, where one of them is resolved already: then the page has to be read again.
 * @throws IngestError `lake.conflict`, `lake.unavailable`
 */
export async function resolveLetters(
  connection: DuckDBConnection,
  stage: SealedStage,
  solved: readonly Solved[],
): Promise<boolean> {
  const { tenantId } = stage.header;
  return inTransaction(connection, async () => {
    const values = solved.map(
      ({ letter, table, row }) =>
        `(${[letter.letterId, letter.batchId, table, String(row['event_id'])].map(quote).join(', ')})`,
    );
    await connection.run(`
      CREATE OR REPLACE TEMP TABLE solved AS
      FROM (VALUES ${values.join(', ')}) AS letter (dead_letter_id, batch_id, table_name, event_id)`);
    const open = await connection.runAndReadAll(`
      SELECT count(*)::INTEGER FROM lake.dead_letters SEMI JOIN solved USING (dead_letter_id)
      WHERE tenant_id = ${quote(tenantId)} AND resolved_at IS NULL`);
    if (open.getRows()[0]?.[0] !== solved.length) return false;

    const added = new Map<string, number>();
    for (const staged of stage.tables) {
      for (const [batchId, count] of await insertTable(connection, staged.table, [staged], {
        sources: solved.map(({ letter: { sourceId, timezone } }) => ({ tenantId, sourceId, timezone })),
      }))
        added.set(`${batchId} ${staged.table.name}`, count);
    }
    await markResolved(connection, stage);
    await updateCounts(connection, await movedCounts(connection, solved, added));
    await insertDrift(connection, driftOf(stage, solved));
    await raiseFence(connection);
    return true;
  });
}

/** The row may stand under another batch: one that brought the same record later, when it could be parsed already. */
async function markResolved(
  connection: DuckDBConnection,
  { header, tables: staged, ingestedAt }: SealedStage,
): Promise<void> {
  const tenant = `tenant_id = ${quote(header.tenantId)}`;
  const rows = staged.map(
    ({ table, relation }) => `
      SELECT ${quote(table.name)} AS table_name, event_id, batch_id FROM lake.${name(table.name)} AS held
      WHERE ${tenant} AND event_id IN (SELECT event_id FROM ${relation})
        AND event_time BETWEEN (SELECT min(event_time) FROM ${relation})
          AND (SELECT max(event_time) FROM ${relation})`,
  );
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE resolved AS
    SELECT dead_letter_id, coalesce(held.batch_id, solved.batch_id) AS resolved_batch
    FROM solved LEFT JOIN (${rows.join(' UNION ALL ')}) AS held USING (table_name, event_id)`);
  await connection.run(`
    UPDATE lake.dead_letters AS letter
    SET resolved_at = ${timestampLiteral(ingestedAt)}, resolved_batch = resolved.resolved_batch
    FROM resolved WHERE letter.${tenant} AND letter.dead_letter_id = resolved.dead_letter_id`);
}

/** What the ledger says of the letters' batches from now on. */
async function movedCounts(
  connection: DuckDBConnection,
  solved: readonly Solved[],
  added: ReadonlyMap<string, number>,
) {
  const receipts = await readReceipts(connection, new Set(solved.map(({ letter }) => letter.batchId)));
  const moves = new Map<string, { arrived: number; left: number }>();
  const moveOf = (batchId: string, table: TableName) => {
    const move = moves.get(`${batchId} ${table}`) ?? { arrived: 0, left: 0 };
    moves.set(`${batchId} ${table}`, move);
    return move;
  };
  for (const { letter, table } of solved) {
    moveOf(letter.batchId, letter.table).left += 1;
    moveOf(letter.batchId, table).arrived += 1;
  }
  return Array.from(receipts.values(), ({ batchId, tables: counted }) => ({
    batchId,
    tables: counted.map((counts): TableReceipt => {
      const { arrived, left } = moveOf(batchId, counts.table);
      return {
        ...counts,
        // a record that was for no table of two has moved to the other one
        records: counts.records + arrived - left,
        rows: counts.rows + arrived,
        rowsAdded: counts.rowsAdded + (added.get(`${batchId} ${counts.table}`) ?? 0),
        deadLetters: counts.deadLetters - left,
      };
    }),
  }));
}

function driftOf({ header, ingestedAt }: SealedStage, solved: readonly Solved[]): Drifting[] {
  const watches = new Map<string, { letter: Letter; watch: DriftWatch }>();
  for (const { letter, table, row } of solved) {
    const { watch } = watches.get(letter.batchId) ?? { watch: createDriftWatch() };
    watches.set(letter.batchId, { letter, watch });
    watch.note(table, row);
  }
  return Array.from(watches, ([batchId, { letter, watch }]) => ({
    header: { tenantId: header.tenantId, sourceId: letter.sourceId, batchId },
    drift: watch.sightings(),
    ingestedAt,
  }));
}
