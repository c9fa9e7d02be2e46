/** Lines as a number and a checksum that does not depend on their order: of files, and of what the lake holds. DuckDB computes both. */
import { DuckDBInstance } from '@duckdb/node-api';
import type { LakeReader } from '../../lake/reader.ts';
import { quote } from '../../lake/sql.ts';

export interface Lines {
  readonly count: number;
  readonly checksum: string;
}

const summed = 'SELECT sum(times)::VARCHAR AS count, sum(line::HUGEINT * times)::VARCHAR AS checksum';

/**
 * What a lake should hold of files that were loaded as objects: equal lines of one object are as many rows, those that another object has
 * as well are the same ones.
 */
export async function linesOfFiles(files: readonly string[]): Promise<Lines> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  // one column without quotes or escapes, parted by what no line holds
  const result = await connection.runAndReadAll(`
    WITH lines AS (
      SELECT hash(text) AS line, filename, count(*) AS times
      FROM read_csv([${files.map(quote).join(', ')}], columns = {'text': 'VARCHAR'}, header = false, delim = '\x01', quote = '',
        escape = '', auto_detect = false, compression = 'gzip', max_line_size = 1000000, filename = true)
      GROUP BY ALL)
    ${summed} FROM (SELECT line, max(times) AS times FROM lines GROUP BY line)`);
  const [row] = result.getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return toLines(row);
}

export async function linesOfTenant(lake: LakeReader, table: string, tenantId: string): Promise<Lines> {
  const { rows } = await lake.query(
    `${summed} FROM (SELECT hash(raw) AS line, count(*) AS times FROM ${table} WHERE tenant_id = ${quote(tenantId)} GROUP BY line)`,
  );
  return toLines(rows[0]);
}

function toLines(row: Readonly<Record<string, unknown>> | undefined): Lines {
  return { count: Number(row?.['count']), checksum: String(row?.['checksum']) };
}
