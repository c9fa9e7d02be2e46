/** Moves sealed batches into the lake in one transaction: ledger, anti-join, rows, dead letters, fence. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { insertDrift } from './drift.ts';
import { batchTable, type LakeTable } from './schema.ts';
import { inList, name, timestampLiteral } from './sql.ts';
import type { SealedStage } from './stage.ts';
import { inTransaction } from './transaction.ts';
import { openRowWriter } from './values.ts';

/**
 * All of the batches, or none. Those that the ledger already has are left out.
 * @throws IngestError `lake.conflict`, `lake.unavailable`
 */
export async function commitBatches(connection: DuckDBConnection, stages: readonly SealedStage[]): Promise<void> {
  await inTransaction(connection, async () => {
    const loaded = await loadedBatchIds(
      connection,
      stages.map((stage) => stage.header.batchId),
    );
    const fresh = stages.filter((stage) => !loaded.has(stage.header.batchId));
    if (fresh.length === 0) return;
    const added = await insertRows(connection, fresh);
    await insertLedger(connection, fresh, added);
    await insertDrift(connection, fresh);
    await raiseFence(connection);
  });
}

/** Makes this transaction fail if another one commits first. */
export async function raiseFence(connection: DuckDBConnection): Promise<void> {
  await connection.run('UPDATE lake.fence SET commits = commits + 1');
}

async function loadedBatchIds(connection: DuckDBConnection, batchIds: readonly string[]): Promise<ReadonlySet<string>> {
  const result = await connection.runAndReadAll(
    `SELECT batch_id FROM lake.batches WHERE batch_id IN ${inList(batchIds)}`,
  );
  return new Set(result.getRows().map(([batchId]) => String(batchId)));
}

/** Rows added, by `batchId table`. */
type Added = Map<string, number>;

const addedKey = (batchId: string, table: string) => `${batchId} ${table}`;

async function insertRows(connection: DuckDBConnection, stages: readonly SealedStage[]): Promise<Added> {
  const parts = new Map<LakeTable, string[]>();
  for (const { table, stagedName } of stages.flatMap(({ tables }) => tables)) {
    const known = parts.get(table) ?? [];
    known.push(stagedName);
    parts.set(table, known);
  }
  const tenantIds = new Set(stages.map((stage) => stage.header.tenantId));
  const added: Added = new Map();
  for (const [table, staged] of parts) {
    for (const [batchId, count] of await insertTable(connection, table, staged, tenantIds)) {
      added.set(addedKey(batchId, table.name), count);
    }
  }
  return added;
}

/** Inserts the staged rows whose identity the table does not have; gives the number of rows added per batch. */
export async function insertTable(
  connection: DuckDBConnection,
  table: LakeTable,
  staged: readonly string[],
  tenantIds: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const id = name(table.idColumn);
  const target = `lake.${name(table.name)}`;
  const union = (columns: string) =>
    staged
      .map((stagedName, index) => `SELECT ${index} AS part, ${columns} FROM memory.main.${name(stagedName)}`)
      .join(' UNION ALL ');
  const known = await knownRows(connection, table, union, tenantIds);
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT DISTINCT ON (tenant_id, ${id}) part, staged_row, batch_id
    FROM (${union(`rowid AS staged_row, tenant_id, batch_id, ${id}`)}) AS staged
    ANTI JOIN (${known}) AS known USING (tenant_id, ${id})
    ORDER BY part, staged_row`);
  const fresh = await connection.runAndReadAll('SELECT batch_id, count(*)::INTEGER FROM fresh GROUP BY batch_id');
  const counts = new Map(fresh.getRows().map(([batchId, count]) => [String(batchId), Number(count)]));
  if (counts.size === 0) return counts;
  // Nearly always all rows are new. To pick some takes a join, which may hold the whole of them in memory.
  const pick = (await areAllFresh(connection, union))
    ? () => ''
    : (index: number) =>
        `SEMI JOIN (SELECT staged_row FROM fresh WHERE part = ${index}) AS picked ON staged.rowid = picked.staged_row`;
  const rows = staged.map(
    (stagedName, index) => `SELECT staged.* FROM memory.main.${name(stagedName)} AS staged ${pick(index)}`,
  );
  // Rows of one tenant lie together in the file, so that a search for one tenant skips the rest.
  await connection.run(
    `INSERT INTO ${target} BY NAME ${rows.join(' UNION ALL ')} ${tenantIds.size > 1 ? 'ORDER BY tenant_id' : ''}`,
  );
  return counts;
}

async function areAllFresh(connection: DuckDBConnection, union: (columns: string) => string): Promise<boolean> {
  const result = await connection.runAndReadAll(
    `SELECT (SELECT count(*) FROM (${union('rowid')})) = (SELECT count(*) FROM fresh)`,
  );
  return result.getRows()[0]?.[0] === true;
}

/** The identities that the table may already have for these rows: only the files of the rows' own time range are read. */
async function knownRows(
  connection: DuckDBConnection,
  table: LakeTable,
  union: (columns: string) => string,
  tenantIds: ReadonlySet<string>,
): Promise<string> {
  const select = `SELECT tenant_id, ${name(table.idColumn)} FROM lake.${name(table.name)} WHERE tenant_id IN ${inList(tenantIds)}`;
  if (!table.ranged || table.dayColumn === undefined) return select;
  const day = name(table.dayColumn);
  const bounds = await connection.runAndReadAll(`
    SELECT epoch_us(min(${day}) FILTER (time_source <> 'object')), epoch_us(max(${day}) FILTER (time_source <> 'object')),
      bool_or(time_source = 'object')
    FROM (${union(`${day}, time_source`)})`);
  const [low, high, untimed] = bounds.getRows()[0] ?? [];
  const searched = [];
  if (low != null && high != null) {
    searched.push(
      `${select} AND ${day} BETWEEN ${timestampLiteral(low as bigint)} AND ${timestampLiteral(high as bigint)}`,
    );
  }
  // A line without any time has its object's: shipped again in another object it has another, so all such rows are searched.
  if (untimed === true) searched.push(`${select} AND time_source = 'object'`);
  return searched.join(' UNION ALL ');
}

async function insertLedger(connection: DuckDBConnection, stages: readonly SealedStage[], added: Added): Promise<void> {
  await connection.run('CREATE OR REPLACE TEMP TABLE ledger_entry AS FROM lake.batches LIMIT 0');
  const writer = await openRowWriter(connection, {
    catalog: 'temp',
    name: 'ledger_entry',
    columns: batchTable.columns,
  });
  const committedAt = Date.now() * 1000;
  for (const { header, counts } of stages) {
    writer.write({
      batch_id: header.batchId,
      tenant_id: header.tenantId,
      source_id: header.sourceId,
      kind: header.kind,
      pass: header.pass,
      covers_from: header.coversFrom,
      covers_to: header.coversTo,
      read_at: header.readAt,
      uri: header.uri,
      size_bytes: header.sizeBytes,
      fallback_time: header.fallbackTime,
      counts: Array.from(counts, ([table, count]) => ({
        table_name: table,
        records: count.records,
        rows: count.rows,
        rows_added: added.get(addedKey(header.batchId, table)) ?? 0,
        dead_letters: count.deadLetters,
      })),
      committed_at: committedAt,
    });
  }
  writer.close();
  await connection.run('INSERT INTO lake.batches FROM temp.ledger_entry');
}
