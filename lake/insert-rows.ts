/** Adds staged rows to a table of the lake within a transaction, each event once: files as they are where all of their rows are new, else by INSERT. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { knownRows, type ZonedSource } from './known-rows.ts';
import { rowsOf } from './parts.ts';
import { insertSql, type LakeTable } from './schema.ts';
import { name, quote } from './sql.ts';
import type { StagedTable } from './stage.ts';

/** Bytes of records that one statement inserts, about: bounds its memory, and makes files large enough to be read well. */
const pieceBytes = 16 << 20;
/** What a row takes besides the text of its record. */
const rowBytesMin = 256;

/** Part and row of a staged row in one number, so that the first of equal rows is the least. */
const rowsPerPartMax = 2 ** 40;

/** Adds the staged rows whose identity the table does not have; gives the number of rows added per batch. `areDistinct`: no two have the same. */
export async function insertTable(
  connection: DuckDBConnection,
  table: LakeTable,
  staged: readonly StagedTable[],
  { sources, areDistinct = false }: { sources: readonly ZonedSource[]; areDistinct?: boolean },
): Promise<Map<string, number>> {
  const union = (columns: string) =>
    `SELECT part * ${rowsPerPartMax} + row_number AS position, ${columns} FROM (${rowsOf(staged, columns)})`;
  const known = await knownRows(connection, table, union, sources);
  const freshRows = await findFresh(connection, table, staged, { union, known, areDistinct });
  if (freshRows.size === 0) return new Map();
  // Nearly always all rows are new, and then none is looked up.
  const isWhole = ({ rowCount }: StagedTable, part: number) => freshRows.get(part) === rowCount;
  const areAllFresh = staged.every(isWhole);
  const added = await connection.runAndReadAll(
    `SELECT batch_id, count(*)::INTEGER FROM (${union('batch_id')}) ${areAllFresh ? '' : 'SEMI JOIN fresh USING (position)'} GROUP BY batch_id`,
  );
  const taken = new Map(
    staged.flatMap((each, part) => (each.placed !== undefined && isWhole(each, part) ? [[part, each.placed]] : [])),
  );
  if (taken.size > 0) await connection.run(registerSql(table, taken.values()));
  const isInserted = (part: number) => freshRows.has(part) && !taken.has(part);
  let [inserted, expected] = [0, 0];
  for (const [part, count] of freshRows) if (isInserted(part)) expected += count;
  const options = { isInserted, areAllFresh, isSorted: new Set(sources.map(({ tenantId }) => tenantId)).size > 1 };
  for (const statement of insertStatements(table, staged, options))
    inserted += (await connection.run(statement)).rowsChanged;
  // rolls back: the pieces must be all of it
  if (inserted !== expected) throw new Error(`${inserted} of ${expected} new rows went into ${table.name}`);
  return new Map(added.getRows().map(([batchId, count]) => [String(batchId), Number(count)]));
}

interface Finding {
  readonly union: (columns: string) => string;
  readonly known: string;
  readonly areDistinct: boolean;
}

/**
 * Puts the positions of the rows to be added into the table `fresh`, unless these are all rows; gives how many they are of each part. Numbers only: ids
 * and batch ids of millions of rows would not fit into memory.
 */
async function findFresh(
  connection: DuckDBConnection,
  { idColumn }: LakeTable,
  staged: readonly StagedTable[],
  { union, known, areDistinct }: Finding,
): Promise<ReadonlyMap<number, number>> {
  const key = `tenant_id, ${name(idColumn)}`;
  if (areDistinct) {
    const counted = await connection.runAndReadAll(
      `SELECT count(*) FROM (${union(key)}) AS staged SEMI JOIN (${known}) AS known USING (${key})`,
    );
    if (Number(counted.getRows()[0]?.[0]) === 0) return new Map(staged.map(({ rowCount }, part) => [part, rowCount]));
  }
  await connection.run(`
    CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT min(position) AS position FROM (${union(key)}) AS staged ANTI JOIN (${known}) AS known USING (${key}) GROUP BY ${key}`);
  const counted = await connection.runAndReadAll(
    `SELECT (position // ${rowsPerPartMax})::INTEGER AS part, count(*) FROM fresh GROUP BY part`,
  );
  return new Map(counted.getRows().map(([part, count]) => [Number(part), Number(count)]));
}

/** A worker of a newer version may have added columns since the files were written. */
function registerSql(table: LakeTable, paths: Iterable<string>): string {
  const list = Array.from(paths, quote).join(', ');
  return `CALL ducklake_add_data_files('lake', ${quote(table.name)}, [${list}], hive_partitioning => true, allow_missing => true)`;
}

interface Selection {
  /** Whether rows of that part are inserted. */
  readonly isInserted: (part: number) => boolean;
  readonly areAllFresh: boolean;
  readonly isSorted: boolean;
}

/**
 * Several statements where the rows are many. A partitioned write takes in rows faster than it writes them, and holds the difference in memory:
 * of one statement for gigabytes, gigabytes (https://github.com/duckdb/duckdb/issues/25920).
 */
function insertStatements(
  table: LakeTable,
  staged: readonly StagedTable[],
  { isInserted, areAllFresh, isSorted }: Selection,
): string[] {
  const slices = piecesOf(staged.map((each, part) => (isInserted(part) ? each : { rowCount: 0, sizeBytes: 0 })));
  return slices.map((piece) => {
    const rows = piece.map(({ part, from, to }) => {
      const end = to === undefined ? '' : `AND staged.rowid < ${to}`;
      const first = part * rowsPerPartMax + from;
      const last = part * rowsPerPartMax + (to ?? rowsPerPartMax) - 1;
      const pick = areAllFresh
        ? ''
        : `SEMI JOIN (SELECT position - ${part * rowsPerPartMax} AS staged_row FROM fresh WHERE position BETWEEN ${first} AND ${last}) AS picked
          ON staged.rowid = picked.staged_row`;
      return `SELECT staged.* FROM ${staged[part]?.relation ?? ''} AS staged ${pick} WHERE staged.rowid >= ${from} ${end}`;
    });
    // Rows of one tenant lie together in the file, so that a search for one tenant skips the rest.
    return insertSql(table, 'piece', `(${rows.join(' UNION ALL ')}) AS piece ${isSorted ? 'ORDER BY tenant_id' : ''}`);
  });
}

/** Rows of a staged table: from one rowid up to another, or to the end. */
interface Slice {
  readonly part: number;
  readonly from: number;
  readonly to?: number;
}

/** The staged rows in pieces of about `pieceBytes`: small tables together, large ones cut. */
export function piecesOf(staged: readonly Pick<StagedTable, 'rowCount' | 'sizeBytes'>[]): Slice[][] {
  const pieces: Slice[][] = [];
  let filledBytes = Infinity;
  for (const [part, { rowCount, sizeBytes }] of staged.entries()) {
    const rowBytes = Math.max(rowBytesMin, sizeBytes / rowCount);
    const rowsPerPiece = Math.max(1, Math.floor(pieceBytes / rowBytes));
    for (let from = 0; from < rowCount; from += rowsPerPiece) {
      const isLast = from + rowsPerPiece >= rowCount;
      const sliceBytes = (isLast ? rowCount - from : rowsPerPiece) * rowBytes;
      if (filledBytes + sliceBytes > pieceBytes) {
        pieces.push([]);
        filledBytes = 0;
      }
      pieces.at(-1)?.push(isLast ? { part, from } : { part, from, to: from + rowsPerPiece });
      filledBytes += sliceBytes;
    }
  }
  return pieces;
}
