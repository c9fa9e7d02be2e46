/** The same input through DuckDB's own SQL into Parquet: what the loader is compared with. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { quote, name } from '../../lake/sql.ts';
import type { TableName } from '../../tables/table.ts';
import type { LineTable } from './line-columns.ts';
import { selectLines } from './statement-lines.ts';
import { selectPlainly } from './statement-plain.ts';

/** `COPY` of the file at `path` to `target`, in the form that DuckDB runs fastest. */
export async function copyStatement(table: TableName, path: string, target: string): Promise<string> {
  return copyOf(isLineTable(table) ? selectLines(table, path) : await selectObjects(path), target);
}

/** The same as a user writes it. Throws where records are no lines: `read_json` has one form only. */
export function copyPlainly(table: TableName, path: string, target: string): string {
  if (!isLineTable(table)) throw new Error(`${table} is no table of lines`);
  return copyOf(selectPlainly(table, path), target);
}

function copyOf(select: string, target: string): string {
  return `COPY (${select}) TO ${quote(target)} (FORMAT parquet)`;
}

export function isLineTable(table: TableName): table is LineTable {
  return table === 'proofpoint_gateway_sendmail_logs' || table === 'proofpoint_gateway_filter_logs';
}

/** Told the type of every field, so that nothing is spent on finding it out. */
async function selectObjects(path: string): Promise<string> {
  const samples: unknown[] = [];
  const lines = createInterface({ input: createReadStream(path).pipe(createGunzip()) });
  for await (const line of lines) if (samples.push(JSON.parse(line)) === 5000) break;
  const columns = fieldsOf(samples).map(([field, values]) => `${quote(field)}: ${quote(inferType(values))}`);
  return `FROM read_json(${quote(path)}, format = 'newline_delimited', compression = 'gzip', columns = {${columns.join(', ')}})`;
}

function inferType(values: readonly unknown[]): string {
  const known = values.filter((value) => value !== null);
  if (known.every((value) => typeof value === 'string')) return 'VARCHAR';
  if (known.every((value) => typeof value === 'boolean')) return 'BOOLEAN';
  if (known.every((value) => typeof value === 'number')) return known.every(Number.isInteger) ? 'BIGINT' : 'DOUBLE';
  if (known.every(Array.isArray)) return `${inferType(known.flat())}[]`;
  if (known.some((value) => typeof value !== 'object' || Array.isArray(value))) return 'JSON';
  const fields = fieldsOf(known);
  // free keys, such as those of a document's metadata, are no columns
  if (fields.length === 0 || fields.some(([field]) => !/^\w+$/.test(field))) return 'JSON';
  return `STRUCT(${fields.map(([field, items]) => `${name(field)} ${inferType(items)}`).join(', ')})`;
}

/** The values of each field; of names that differ in case alone, which SQL cannot tell apart, the first. */
function fieldsOf(objects: readonly unknown[]): [string, unknown[]][] {
  const fields = new Map<string, [string, unknown[]]>();
  for (const [field, value] of objects.flatMap((object) => Object.entries(object as object))) {
    const key = field.toLowerCase();
    const known = fields.get(key) ?? [field, []];
    if (known[0] === field) known[1].push(value);
    fields.set(key, known);
  }
  return [...fields.values()];
}
