import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { createTableSql } from '../../lake/schema.ts';
import { duckdbType } from '../../tables/column.ts';
import { columnsOf, tables } from '../../tables/registry.ts';
import { tableNames } from '../../tables/table.ts';
import { fixture, parse } from './parsing.ts';

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
