import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { createTableSql } from '../../lake/schema.ts';
import { columnMeta, duckdbType, fieldsWithin } from '../../tables/column.ts';
import { attributes } from '../../tables/ocsf.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import { tableNames } from '../../tables/table.ts';
import { fixture, parse } from './parsing.ts';

/** The attributes that columns and the fields within them name, without conditions and keys. */
function ocsfPaths(shape: Readonly<Record<string, z.ZodType>>): string[] {
  return Object.values(shape).flatMap((schema) => {
    const named = columnMeta(schema).ocsf?.split(' | ') ?? [];
    const paths = named.map((path) => path.replace(/ \(.*\)$/, '').replace(/\[[^\]]+\]$/, ''));
    return [...paths, ...ocsfPaths(fieldsWithin(schema) ?? {})];
  });
}

describe.each(tableNames)('%s', (name) => {
  const table = tables[name];
  const columns = columnsOf(table);

  it('is registered under its name, with a key of its own columns', () => {
    expect(table.name).toBe(name);
    expect(columns.map((column) => column.name)).toEqual(expect.arrayContaining([...table.naturalKey]));
  });

  it('says of every column what it is and where it comes from', () => {
    const named = columns.filter(({ name: column }) => /^[a-z][a-z0-9_]*$/.test(column));
    const told = named.filter(({ meta }) => /^[^a-z].*\.$/.test(meta.description) && meta.source !== '');
    expect(told).toEqual(columns);
  });

  it('names only attributes that OCSF has', () => {
    const paths = ocsfPaths(table.row.shape);
    expect(paths.length).toBeGreaterThan(20);
    const lists = new Set(['observables[]', 'unmapped.extra', 'email.files[]', 'email.urls[]', 'osint[]']);
    expect(paths.filter((path) => !(path in attributes) && !lists.has(path))).toEqual([]);
  });

  it('gives every row the columns of its schema, in their order', () => {
    for (const record of fixture(name)) {
      const { row } = parse(name, record);
      expect(Object.keys(row ?? {})).toEqual(columns.map((column) => column.name));
      expect(table.row.parse(row)).toEqual(row);
    }
  });

  it('is a table that DuckDB creates', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(createTableSql(`memory.main."${name}"`, columns));
    const described = await connection.runAndReadAll(`DESCRIBE memory.main."${name}"`);
    expect(described.getRows().map(([column]) => column)).toEqual(columns.map((column) => column.name));
    expect(described.getRows().map(([, type]) => String(type).replaceAll('"', ''))).toEqual(
      columns.map(({ type }) => duckdbType(type).replaceAll('"', '')),
    );
    connection.closeSync();
  });

  it('takes no record that is longer than sources read', () => {
    const record = { bytes: Buffer.from(fixture(name)[0] ?? ''), offset: 0, line: 1, oversized: true } as const;
    const origin = {
      tenantId: 't',
      batchId: 'b',
      uri: 'u',
      fallbackTime: 0,
      fallbackTimeSource: 'object',
      ingestedAt: 0,
    } as const;
    expect(table.parse(record, origin).reject?.code).toBe('too_large');
  });
});
