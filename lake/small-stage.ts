/** Holds the rows of a small batch in this process: tables of its own would cost it ten times what loading it does. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Row, TableName } from '../tables/table.ts';
import { numberedId } from './numbering.ts';
import { tableRelation } from './parts.ts';
import { offerRows } from './row-feed.ts';
import type { LakeTable } from './schema.ts';
import { name } from './sql.ts';
import { type BatchHeader, type SealedStage, type Stage, type StagedTable, stageOf } from './stage.ts';

/** An object larger than this, compressed, is no small batch. A window does not tell its size. */
export const smallBytesMax = 16 << 10;
/** Nor is any whose records come to more: hundreds of batches are under way at once. */
const recordBytesMax = 64 << 10;

/** Thrown out of a stage that gets more than it holds. */
class NotSmall extends Error {}

export const mayBeSmall = ({ sizeBytes }: BatchHeader): boolean => sizeBytes <= smallBytesMax;

/** The sealed stage of a small batch; or, when it is none after all and has to be filled again elsewhere, how many records it got. */
export async function fillSmall(
  header: BatchHeader,
  tableNames: readonly TableName[],
  fill: (stage: Stage) => Promise<void>,
): Promise<SealedStage | number> {
  const rows = new Map<LakeTable, Row[]>();
  let filledBytes = 0;
  let filledRecords = 0;
  const stage = stageOf(header, tableNames, {
    write(table, row, sizeBytes) {
      filledBytes += sizeBytes;
      filledRecords += 1;
      if (filledBytes > recordBytesMax) throw new NotSmall();
      const known = rows.get(table);
      if (known === undefined) rows.set(table, [row]);
      else known.push(row);
    },
    ready: async () => undefined,
    async seal() {
      for (const [table, each] of rows) if (table.identity === 'line') rows.set(table, numbered(table, each));
      return { tables: [], small: rows };
    },
    discard: async () => undefined,
  });
  try {
    await fill(stage);
  } catch (error) {
    if (error instanceof NotSmall) return filledRecords;
    throw error;
  }
  return stage.seal();
}

/** As lake/numbering.ts numbers identical lines: they come in the order of the object. */
function numbered({ idColumn }: LakeTable, rows: readonly Row[]): Row[] {
  const ordinals = new Map<unknown, number>();
  return rows.map((row) => {
    const id = String(row[idColumn]);
    const ordinal = (ordinals.get(id) ?? 0) + 1;
    ordinals.set(id, ordinal);
    return ordinal === 1 ? row : { ...row, [idColumn]: numberedId(id, ordinal) };
  });
}

/** Puts the rows of all small batches into one temporary table for each table of the lake, until the next call. */
export async function stageSmall(
  connection: DuckDBConnection,
  stages: readonly Pick<SealedStage, 'small'>[],
): Promise<StagedTable[]> {
  const rows = new Map<LakeTable, Row[]>();
  for (const [table, some] of stages.flatMap(({ small }) => (small === undefined ? [] : [...small]))) {
    const known = rows.get(table);
    if (known === undefined) rows.set(table, [...some]);
    else known.push(...some);
  }
  const staged: StagedTable[] = [];
  for (const [table, all] of rows) {
    const tableName = `small_${table.name}`;
    await offerRows(table.columns, all, (relation) =>
      connection.run(`CREATE OR REPLACE TEMP TABLE ${name(tableName)} AS FROM ${relation}`),
    );
    const sizeBytes = all.reduce((sum, { raw }) => sum + (raw as string | Uint8Array).length, 0);
    staged.push({ table, relation: tableRelation(`temp.main.${name(tableName)}`), rowCount: all.length, sizeBytes });
  }
  return staged;
}
