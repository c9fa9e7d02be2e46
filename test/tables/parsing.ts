/** Helpers of the tests of tables: records in, rows out. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { envelope } from '../../tables/envelope.ts';
import { tables } from '../../tables/registry.ts';
import type { Origin, ParseResult, Row, TableName } from '../../tables/table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Public samples that live beside a checkout of this repository, where they do. */
export const samplesPath = `${root}/../shared/samples`;
export const hasSamples = existsSync(samplesPath);

export const micros = (iso: string) => Date.parse(iso) * 1000;

export const origin: Origin = {
  tenantId: 'acme',
  batchId: 'acme/logs/s3/bucket/key@etag',
  uri: 's3://bucket/key',
  fallbackTime: micros('2026-04-01T00:00:00Z'),
  fallbackTimeSource: 'object',
  ingestedAt: micros('2026-04-01T00:05:00Z'),
};

export function parse(table: TableName, record: string | Uint8Array | object): ParseResult {
  const bytes =
    record instanceof Uint8Array ? record : Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
  return tables[table].parse({ bytes, offset: 7, line: 3 }, origin);
}

/** The row of a record that must have one. */
export function rowOf(table: TableName, record: string | Uint8Array | object): Row & { extra: Map<string, string> } {
  const { row, reject } = parse(table, record);
  expect(reject).toBeUndefined();
  return row as Row & { extra: Map<string, string> };
}

export const extraOf = (row: Row) => Object.fromEntries(row['extra'] as Map<string, string>);

/** The columns of `row` that hold something, of those of the envelope only the time. */
export function filled(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).filter(
      ([name, value]) => value !== null && (!(name in envelope) || name === 'event_time' || name === 'time_source'),
    ),
  );
}

/** Own records, one per line. */
export function fixture(table: TableName): string[] {
  const ending = table.startsWith('proofpoint_gateway_') ? 'log' : 'ndjson';
  return readFileSync(`${root}/test/fixtures/records/${table}.${ending}`, 'utf8').trimEnd().split('\n');
}
