/** The same input through DuckDB's own SQL into Parquet: what the loader is compared with. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { quote, name } from '../../lake/sql.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import { selectLines } from './statement-lines.ts';

/** `COPY` of the file at `path` to `target`. */
export async function copyStatement(table: TableName, path: string, target: string): Promise<string> {
  const select = tables[table].identity === 'line' ? selectLines(table, path) : await selectObjects(path);
  return `COPY (${select}) TO ${quote(target)} (FORMAT parquet)`;
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
