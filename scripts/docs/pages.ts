/** The generated pages: path below the project's root, and text. Their examples are of the records in test/fixtures. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tables } from '../../tables/registry.ts';
import type { Origin, Row, Table } from '../../tables/table.ts';
import { indexPage, tablePage } from './table-page.ts';

const records = fileURLToPath(new URL('../../test/fixtures/records/', import.meta.url));

const readAt = Date.parse('2026-03-12T00:00:00Z') * 1000;
const origin: Origin = {
  tenantId: 'acme',
  batchId: 'acme/logs/s3/acme-logs/2026/03/11/records@1f2e3d4c',
  uri: 's3://acme-logs/2026/03/11/records',
  fallbackTime: readAt,
  fallbackTimeSource: 'object',
  ingestedAt: readAt,
};

export function generatedPages(): ReadonlyMap<string, string> {
  const all = Object.values(tables);
  return new Map([
    ['docs/tables/README.md', indexPage(all)],
    ...all.map((table): [string, string] => [`docs/tables/${table.name}.md`, tablePage(table, rowsOf(table))]),
  ]);
}

function rowsOf(table: Table): Row[] {
  const ending = table.identity === 'line' ? 'log' : 'ndjson';
  const lines = readFileSync(`${records}${table.name}.${ending}`, 'utf8').trimEnd().split('\n');
  return lines.flatMap((line, index) => {
    const { row } = table.parse({ bytes: Buffer.from(line), offset: 0, line: index + 1 }, origin);
    return row === undefined ? [] : [row];
  });
}
