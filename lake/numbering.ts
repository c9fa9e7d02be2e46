/**
 * Two identical lines of one object are two events. The second gets `-2` behind its id, in the order of the object, so that the same object shipped
 * again, under whatever key, gives the same ids.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Row } from '../tables/table.ts';
import { type Part, rowsOf } from './parts.ts';
import type { LakeTable } from './schema.ts';
import { name } from './sql.ts';

/** Of an id without the number that identical records get. */
export const bareIdLength = 32;

export interface Numbering {
  /** The row, with the number of its id where the id came before. Far apart from each other two are taken for the first: see `settleNumbers`. */
  number(row: Row, idColumn: string): Row;
}

/** A power of two. Identical lines nearly always stand close together, because they have the same time. */
const rememberedMax = 1 << 16;
/** Of an id: the first half of 128 bits of SHA-256, in two words. */
const wordDigits = 8;

/** Remembers the last id of each place among many: strings, and a Map of them, would cost as much as half of the parsing. */
export function createNumbering(): Numbering {
  /** Side by side for each place: both words of the id, and how often it came. */
  const places = new Uint32Array(rememberedMax * 4);
  return {
    number(row, idColumn) {
      const id = row[idColumn] as string;
      const first = hexWord(id, 0);
      const second = hexWord(id, wordDigits);
      const at = (first & (rememberedMax - 1)) * 4;
      if (places[at] === first && places[at + 1] === second && places[at + 2] !== 0) {
        const ordinal = places[at + 2]! + 1;
        places[at + 2] = ordinal;
        return { ...row, [idColumn]: numberedId(id, ordinal) };
      }
      places[at] = first;
      places[at + 1] = second;
      places[at + 2] = 1;
      return row;
    },
  };
}

/** Eight hexadecimal digits as a number. */
function hexWord(digits: string, from: number): number {
  let word = 0;
  for (let index = from; index < from + wordDigits; index += 1) {
    const code = digits.charCodeAt(index);
    word = (word << 4) | (code > 57 ? code - 87 : code - 48);
  }
  return word >>> 0;
}

/** Of the second on. */
export const numberedId = (id: string, ordinal: number): string => `${id}-${ordinal}`;

/** Of the tables that `settleNumbers` makes, behind its prefix. */
export const numberingSuffixes = ['_hashes', '_numbers'] as const;

/** Ids that are compared at a time: 30 MB. */
const comparedMax = 1_000_000;

/** The parts with their rows numbered throughout. A placed part of which a row gets another number cannot be taken as it is any more. */
export async function settleNumbers(
  connection: DuckDBConnection,
  table: LakeTable,
  parts: readonly Part[],
  prefix: string,
): Promise<Part[]> {
  const hashes = `${prefix}_hashes`;
  if (!(await findDoubles(connection, table, parts, hashes))) return [...parts];
  const id = name(table.idColumn);
  const numbers = `memory.main.${name(`${prefix}_numbers`)}`;
  const bare = `left(${id}, ${bareIdLength})`;
  await connection.run(`
    CREATE OR REPLACE TABLE ${numbers} AS
    WITH repeated AS (
      SELECT DISTINCT bare FROM (${rowsOf(parts, `${id} AS id, ${bare} AS bare`)})
      WHERE hash(id) IN (SELECT hash FROM memory.main.${name(hashes)})),
    numbered AS (
      SELECT part, row_number, id, bare, row_number() OVER (PARTITION BY bare ORDER BY "offset", line) AS ordinal
      FROM (${rowsOf(parts, `${id} AS id, ${bare} AS bare, source_ref."offset", source_ref.line`)}) SEMI JOIN repeated USING (bare))
    SELECT part, row_number, if(ordinal = 1, bare, bare || '-' || ordinal) AS new_id FROM numbered
    WHERE id <> new_id`);
  const touched = await connection.runAndReadAll(`SELECT DISTINCT part FROM ${numbers}`);
  const renumbered = new Set(touched.getRows().map(([part]) => Number(part)));
  const columns = table.columns.map(({ name: column }) =>
    column === table.idColumn ? `coalesce(new_id, staged.${id}) AS ${id}` : `staged.${name(column)}`,
  );
  return parts.map((known, part) => {
    if (!renumbered.has(part)) return known;
    const { relation, rowCount, sizeBytes } = known;
    return {
      relation: `(SELECT staged.rowid AS rowid, ${columns.join(', ')} FROM ${relation} AS staged
        LEFT JOIN ${numbers} AS numbers ON numbers.part = ${part} AND numbers.row_number = staged.rowid)`,
      rowCount,
      sizeBytes,
    };
  });
}

/** Puts into a table the hashes of the ids that occur twice in the parts; false where none does. */
async function findDoubles(
  connection: DuckDBConnection,
  table: LakeTable,
  parts: readonly Part[],
  hashes: string,
): Promise<boolean> {
  const target = `memory.main.${name(hashes)}`;
  const hashed = rowsOf(parts, `hash(${name(table.idColumn)}) AS hash`);
  const passes = Math.ceil(parts.reduce((sum, { rowCount }) => sum + rowCount, 0) / comparedMax);
  await connection.run(`CREATE OR REPLACE TABLE ${target} (hash UBIGINT)`);
  let doubles = 0;
  for (let pass = 0; pass < passes; pass += 1) {
    const inserted = await connection.run(`
      INSERT INTO ${target} SELECT hash FROM (${hashed})
      WHERE hash % ${passes} = ${pass} GROUP BY hash HAVING count(*) > 1`);
    doubles += inserted.rowsChanged;
  }
  return doubles > 0;
}
