/** Rows of one table of a batch that lie together outside the lake's tables, and how SQL reads them. Pure. */
import type { LakeTable } from './schema.ts';
import { name, quote } from './sql.ts';

export interface Part {
  /** As SQL names it behind FROM: with all columns of the table, and `rowid` from 0 on. */
  readonly relation: string;
  readonly rowCount: number;
  /** Of the records that the rows were made of. */
  readonly sizeBytes: number;
  /** The file of the lake that holds these rows and nothing else. */
  readonly placed?: string;
}

/** A table in DuckDB's memory. */
export const tableRelation = (table: string): string => `(SELECT rowid, * FROM ${table})`;

/** A file of the lake, which has a column more than the table's rows. */
export function fileRelation(path: string, { columns }: LakeTable): string {
  const names = columns.map((column) => name(column.name)).join(', ');
  return `(SELECT file_row_number AS rowid, ${names} FROM ${filesOf([path])})`;
}

/** All rows: `part` and `row_number`, and the columns asked for. Files are read as one relation: a scan for each of hundreds takes memory for each. */
export function rowsOf(parts: readonly Part[], columns: string): string {
  const placed = parts.flatMap(({ placed: path }, part) => (path === undefined ? [] : [{ part, path }]));
  const others = parts.flatMap(({ relation, placed: path }, part) =>
    path === undefined ? [`SELECT ${part} AS part, rowid AS row_number, ${columns} FROM ${relation}`] : [],
  );
  if (placed.length === 0) return others.join(' UNION ALL ');
  const partOfFile = `([${placed.map(({ part }) => part).join(', ')}])[file_index::BIGINT + 1]`;
  const files = filesOf(placed.map(({ path }) => path));
  return [`SELECT ${partOfFile} AS part, file_row_number AS row_number, ${columns} FROM ${files}`, ...others].join(
    ' UNION ALL ',
  );
}

const filesOf = (paths: readonly string[]): string =>
  `read_parquet([${paths.map(quote).join(', ')}], hive_partitioning => false)`;
