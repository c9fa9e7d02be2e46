/** Puts what a batch gives today in the place of what it gave when it was loaded: in one transaction, and only where the two differ. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';
import { insertDrift } from './drift.ts';
import { raiseFence } from './fence.ts';
import { type Receipt, readReceipts, type TableReceipt, updateCounts, updateTimezone } from './ledger.ts';
import { dataTables, deadLetterTable, insertSql, type LakeTable } from './schema.ts';
import { name, quote, timestampLiteral } from './sql.ts';
import type { SealedStage } from './stage.ts';
import { inTransaction } from './transaction.ts';

/** What became of a batch's rows and dead letters. */
export interface Replaced {
  readonly records: number;
  /** As they were; nothing is written for them. */
  readonly rowsKept: number;
  readonly rowsChanged: number;
  /** Events that no batch had brought. */
  readonly rowsAdded: number;
  /** Events that the records do not give any more, or that another batch has besides. */
  readonly rowsRemoved: number;
  readonly lettersResolved: number;
  /** Records that fail now and did not before. */
  readonly lettersAdded: number;
}

/**
 * `dryRun`: says what would become, and changes nothing.
 * @throws IngestError `config.invalid` for a batch that was read for another table, `lake.conflict`, `lake.unavailable`
 */
export async function replaceBatch(
  connection: DuckDBConnection,
  stage: SealedStage,
  { dryRun }: { dryRun: boolean },
): Promise<Replaced> {
  const { batchId } = stage.header;
  return inTransaction(connection, async () => {
    const before = (await readReceipts(connection, [batchId])).get(batchId);
    mustBeReplaceable(stage, before);
    const rows = new Map<string, RowChanges>();
    for (const table of dataTables.filter((known) => stage.counts.has(known.name as TableReceipt['table'])))
      rows.set(table.name, await replaceRows(connection, stage, table, dryRun));
    const letters = await replaceLetters(connection, stage, dryRun);
    const sum = (count: (changes: RowChanges) => number) =>
      Array.from(rows.values()).reduce((total, changes) => total + count(changes), 0);
    const after = Array.from(stage.counts, ([table, { records, rows: read, deadLetters }]) => ({
      table,
      records,
      rows: read,
      rowsAdded: rows.get(table)?.wanted ?? 0,
      deadLetters,
    }));
    const replaced: Replaced = {
      records: after.reduce((total, { records }) => total + records, 0),
      rowsKept: sum(({ kept }) => kept),
      rowsChanged: sum(({ common, kept }) => common - kept),
      rowsAdded: sum(({ wanted, common }) => wanted - common),
      rowsRemoved: sum(({ held, common }) => held - common),
      lettersResolved: letters.resolved,
      lettersAdded: letters.added,
    };
    const differs =
      sum(({ held, wanted, kept }) => held + wanted - 2 * kept) + letters.resolved + letters.added + letters.changed >
      0;
    if (dryRun) return replaced;
    const isRezoned = await updateTimezone(connection, batchId, stage.header.timezone);
    if (!differs && !isRezoned && isSame(before.tables, after)) return replaced;
    await updateCounts(connection, [{ batchId, tables: after }]);
    await connection.run(`DELETE FROM lake.drift WHERE batch_id = ${quote(batchId)}`);
    await insertDrift(connection, [stage]);
    await raiseFence(connection);
    return replaced;
  });
}

function mustBeReplaceable({ header, counts }: SealedStage, before: Receipt | undefined): asserts before is Receipt {
  if (before === undefined) throw new Error(`batch ${header.batchId} is not in the ledger`);
  const foreign = before.tables.find(({ table, records }) => records > 0 && !counts.has(table));
  if (foreign !== undefined)
    throw new IngestError(
      'config.invalid',
      `batch ${header.batchId}: was read for ${foreign.table}, and its source is for another table now`,
    );
}

function isSame(before: readonly TableReceipt[], after: readonly TableReceipt[]): boolean {
  const text = (receipts: readonly TableReceipt[]) =>
    receipts
      .map(({ table, records, rows, rowsAdded, deadLetters }) =>
        [table, records, rows, rowsAdded, deadLetters].join(' '),
      )
      .toSorted()
      .join('\n');
  return text(before) === text(after);
}

/** Numbers of rows: `held` by the batch in the lake, `wanted` by it now, `common` to both, `kept` as they are. */
interface RowChanges {
  readonly held: number;
  readonly wanted: number;
  readonly common: number;
  readonly kept: number;
}

async function replaceRows(
  connection: DuckDBConnection,
  { header, tables }: SealedStage,
  table: LakeTable,
  dryRun: boolean,
): Promise<RowChanges> {
  const target = `lake.${name(table.name)}`;
  const relation = tables.find((staged) => staged.table.name === table.name)?.relation;
  const staged = relation ?? `(SELECT 0 AS rowid, * FROM ${target} LIMIT 0)`;
  const tenant = `tenant_id = ${quote(header.tenantId)}`;
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE held AS FROM ${target} WHERE ${tenant} AND batch_id = ${quote(header.batchId)}`,
  );
  // An event of another batch stays there. It is looked for at all times, not around its own: that may be what the parser sees otherwise now.
  const others = `SELECT event_id FROM ${target} WHERE ${tenant} AND batch_id <> ${quote(header.batchId)}`;
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE wanted AS
    WITH elsewhere AS (
      ${others} AND event_id IN (SELECT event_id FROM ${staged} ANTI JOIN held USING (event_id))
      UNION ALL ${await alsoElsewhere(connection, others, staged)})
    SELECT DISTINCT ON (event_id) rowid AS staged_row, event_id
    FROM ${staged} AS staged ANTI JOIN elsewhere USING (event_id) ORDER BY staged_row`);
  const same = table.columns
    .filter((column) => column.name !== 'ingested_at')
    .map((column) => `staged.${name(column.name)} IS NOT DISTINCT FROM held.${name(column.name)}`);
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE kept AS
    SELECT wanted.event_id FROM wanted JOIN ${staged} AS staged ON staged.rowid = wanted.staged_row
      JOIN held ON held.event_id = wanted.event_id
    WHERE ${same.join(' AND ')}`);
  const counted = await connection.runAndReadAll(`
    SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM wanted),
      (SELECT count(*) FROM wanted SEMI JOIN held USING (event_id)), (SELECT count(*) FROM kept)`);
  const [held = 0, wanted = 0, common = 0, kept = 0] = (counted.getRows()[0] ?? []).map(Number);
  if (!dryRun && held > kept) {
    await connection.run(`
      DELETE FROM ${target}
      WHERE ${tenant} AND batch_id = ${quote(header.batchId)} AND event_id NOT IN (SELECT event_id FROM kept)`);
  }
  if (!dryRun && wanted > kept) {
    // one that came earlier is not the later word on its event now: `latest_…` goes by that
    const from = `(
      SELECT staged.* REPLACE (coalesce(picked.ingested_at, staged.ingested_at) AS ingested_at)
      FROM ${staged} AS staged JOIN (
        SELECT staged_row, min(held.ingested_at) AS ingested_at
        FROM wanted ANTI JOIN kept USING (event_id) LEFT JOIN held USING (event_id) GROUP BY staged_row
      ) AS picked ON staged.rowid = picked.staged_row) AS changed`;
    await connection.run(insertSql(table, 'changed', from));
  }
  return { held, wanted, common, kept };
}

/**
 * Events of the batch whose time is another now, and that another batch has as well, as SQL: it knew the zone already that this one is read in now, and
 * both stood far apart.
 */
async function alsoElsewhere(connection: DuckDBConnection, others: string, staged: string): Promise<string> {
  const moved = `SELECT event_id, held.event_time AS old_time, staged.event_time AS new_time
    FROM held JOIN ${staged} AS staged USING (event_id) WHERE old_time <> new_time`;
  const found = await connection.runAndReadAll(`
    SELECT epoch_us(min(least(old_time, new_time))), epoch_us(max(greatest(old_time, new_time))) FROM (${moved})`);
  const [low, high] = found.getRows()[0] ?? [];
  // none has moved: nothing is read
  if (typeof low !== 'bigint' || typeof high !== 'bigint') return `${others} AND false`;
  return `${others} AND event_id IN (SELECT event_id FROM (${moved})) AND event_time BETWEEN ${timestampLiteral(low)} AND ${timestampLiteral(high)}`;
}

/** `resolved` are rows now, `added` failed for the first time or again, `changed` fail for another reason. */
async function replaceLetters(
  connection: DuckDBConnection,
  { header, tables, ingestedAt }: SealedStage,
  dryRun: boolean,
): Promise<{ resolved: number; added: number; changed: number }> {
  const target = 'lake.dead_letters';
  const relation = tables.find(({ table }) => table === deadLetterTable)?.relation;
  const staged = relation ?? `(FROM ${target} LIMIT 0)`;
  const tenant = `tenant_id = ${quote(header.tenantId)}`;
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE letter_change AS
    WITH held AS (
      SELECT dead_letter_id, code, reason, resolved_at IS NULL AS is_open, batch_id = ${quote(header.batchId)} AS is_own
      FROM ${target} WHERE ${tenant})
    SELECT dead_letter_id, staged.code, staged.reason,
      CASE
        WHEN staged.dead_letter_id IS NULL THEN 'resolved'
        WHEN held.dead_letter_id IS NULL THEN 'added'
        WHEN NOT held.is_open THEN 'opened'
        ELSE 'changed'
      END AS change
    FROM held FULL JOIN (SELECT dead_letter_id, code, reason FROM ${staged}) AS staged USING (dead_letter_id)
    WHERE (staged.dead_letter_id IS NULL AND held.is_own AND held.is_open)
      OR (staged.dead_letter_id IS NOT NULL
        AND (held.is_open IS DISTINCT FROM true OR staged.code <> held.code OR staged.reason <> held.reason))`);
  const counted = await connection.runAndReadAll('SELECT change, count(*)::INTEGER FROM letter_change GROUP BY change');
  const counts = new Map(counted.getRows().map(([change, count]) => [String(change), Number(count)]));
  const count = (change: string) => counts.get(change) ?? 0;
  if (!dryRun && counts.size > 0) {
    await connection.run(`
      UPDATE ${target} AS letter
      SET code = coalesce(change.code, letter.code), reason = coalesce(change.reason, letter.reason),
        resolved_at = CASE WHEN change.change = 'resolved' THEN ${timestampLiteral(ingestedAt)} END,
        resolved_batch = CASE WHEN change.change = 'resolved' THEN ${quote(header.batchId)} END
      FROM letter_change AS change
      WHERE letter.${tenant} AND letter.dead_letter_id = change.dead_letter_id AND change.change <> 'added'`);
    const from = `${staged} AS staged SEMI JOIN (FROM letter_change WHERE change = 'added') AS added USING (dead_letter_id)`;
    await connection.run(insertSql(deadLetterTable, 'staged', from));
  }
  return { resolved: count('resolved'), added: count('added') + count('opened'), changed: count('changed') };
}
