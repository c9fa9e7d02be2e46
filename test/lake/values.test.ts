import { randomBytes } from 'node:crypto';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { offerRows, registerRowFeed } from '../../lake/row-feed.ts';
import { createTableSql } from '../../lake/schema.ts';
import { columnsOfShape, createFrame, openAppender } from '../../lake/values.ts';
import { bool, bytes, float64, int32, int64, list, struct, text, textMap, timestamp } from '../../tables/column.ts';
import type { Row } from '../../tables/table.ts';
import { appendPlainly } from '../support/plain-rows.ts';

const columns = columnsOfShape({
  tenant: text(),
  note: text(),
  count: int32(),
  size: int64(),
  time: timestamp(),
  score: float64(),
  flag: bool(),
  raw: bytes(),
  names: list(text()),
  numbers: list(list(int32())),
  place: struct({ uri: text(), offset: int64() }),
  parts: list(struct({ name: text(), sizes: list(int64()), facts: textMap(), inner: struct({ seen: bool() }) })),
  extra: textMap(),
});

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  registerRowFeed(connection);
});

async function writeFast(rows: readonly Row[]): Promise<void> {
  await connection.run('DROP TABLE IF EXISTS fast');
  await connection.run(createTableSql('fast', columns));
  await offerRows(columns, rows, async (relation) => {
    const { rowsChanged } = await connection.run(`INSERT INTO fast FROM ${relation}`);
    expect(rowsChanged).toBe(rows.length);
  });
}

/** What the table holds after each way of writing the rows. */
async function writeBothWays(rows: readonly Row[]) {
  await writeFast(rows);
  await connection.run('CREATE OR REPLACE TABLE plain AS FROM fast LIMIT 0');
  await appendPlainly(connection, { name: 'plain', columns }, rows);
  const read = async (table: string) => (await connection.runAndReadAll(`FROM ${table}`)).getRows();
  return { fast: await read('fast'), plain: await read('plain') };
}

const blank: Row = Object.fromEntries(columns.map(({ name }) => [name, null]));
const row = (values: Row): Row => ({ ...blank, ...values });

/** Around the length up to which DuckDB keeps text within the value, in one to four bytes a character, with NUL and half surrogate pairs. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', '\0', 'é', '語', '🍜', '\uD83C', '\uDF5C'), maxLength: 16 }),
  fc.constantFrom('', 'acme', '__proto__', 'exactly12345', 'exactly123456', 'é'.repeat(6), 'é'.repeat(7)),
);
const anyInt64 = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53, 2 ** 32, -(2 ** 32), -1, 0));
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 });
const anyMap = fc
  .array(fc.tuple(anyText, anyText), { maxLength: 4 })
  .map((entries) => new Map(entries.map(([key, value]) => [Buffer.from(key).toString(), value])));
const anyRow: fc.Arbitrary<Row> = fc.record({
  tenant: fc.constantFrom('acme', 'a tenant with a long name'),
  note: orNull(anyText),
  count: orNull(fc.integer()),
  size: orNull(anyInt64),
  time: orNull(anyInt64),
  score: orNull(fc.double()),
  flag: orNull(fc.boolean()),
  raw: orNull(fc.uint8Array({ maxLength: 20 })),
  names: orNull(fc.array(orNull(anyText), { maxLength: 4 })),
  numbers: orNull(fc.array(orNull(fc.array(orNull(fc.integer()), { maxLength: 3 })), { maxLength: 3 })),
  place: orNull(fc.record({ uri: orNull(anyText), offset: orNull(anyInt64) })),
  parts: orNull(
    fc.array(
      orNull(
        fc.record({
          name: orNull(anyText),
          sizes: orNull(fc.array(orNull(anyInt64), { maxLength: 3 })),
          facts: anyMap,
          inner: orNull(fc.record({ seen: orNull(fc.boolean()) })),
        }),
      ),
      { maxLength: 3 },
    ),
  ),
  extra: orNull(anyMap),
});

describe('rows on their way into DuckDB', () => {
  it('gives DuckDB the values that its own interface gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 30 }), async (rows) => {
        const { fast, plain } = await writeBothWays(rows);
        expect(fast).toEqual(plain);
      }),
      { numRuns: 150 },
    );
  });

  it('begins each chunk anew', async () => {
    const rows = fc.sample(anyRow, { numRuns: 300, seed: 7 });
    const { fast, plain } = await writeBothWays(
      Array.from({ length: 4500 }, (_, index) => rows[(index * 7) % rows.length] ?? blank),
    );
    expect(fast).toEqual(plain);
  });

  it('holds more items than rows', async () => {
    const names = Array.from({ length: 9000 }, (_, index) => (index % 3 === 0 ? null : `name ${index} of many`));
    const parts = names.map((name, index) =>
      name === null ? null : { name, sizes: [index, null], facts: new Map([[name, name]]), inner: null },
    );
    const { fast, plain } = await writeBothWays([
      row({ names }),
      row({ parts }),
      row({ names: [null], parts: [] }),
      row({ extra: new Map(names.map((name, index) => [`key ${index}`, name ?? ''])) }),
    ]);
    expect(fast).toEqual(plain);
  });

  it('takes text of many megabytes', async () => {
    const long = 'ü🍜x'.repeat(300_000);
    const { fast, plain } = await writeBothWays([
      row({ note: long }),
      row({ note: `${long}!`, names: [long] }),
      row({ note: 'short' }),
    ]);
    expect(fast).toEqual(plain);
  });

  it('finds columns by their names where a row has them in another order, lacks some or has more', async () => {
    const { fast, plain } = await writeBothWays([
      { tenant: 'acme', count: 1, note: 'a note', unknown: 5 },
      { note: 'a note', extra: new Map([['key', 'value']]), place: { offset: 7 } },
      {},
    ]);
    expect(fast).toEqual(plain);
  });

  it.each<[string, unknown]>([
    ['note', 5],
    ['count', 2 ** 31],
    ['count', 1.5],
    ['size', 2 ** 53],
    ['time', Number.NaN],
    ['score', '1'],
    ['flag', 1],
    ['raw', 'bytes'],
  ])('refuses what the column %s cannot hold', async (name, value) => {
    await expect(writeFast([row({ [name]: value })])).rejects.toThrow('expected');
  });

  it('says that memory does not suffice', async () => {
    const small = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '16MB', temp_directory: '' });
    const narrow = await small.connect();
    await narrow.run(createTableSql('narrow', columns));
    const appender = await openAppender(narrow, { catalog: 'memory', name: 'narrow', columns });
    const frame = createFrame(columns);
    const fill = () => {
      for (let megabyte = 0; megabyte < 64; megabyte += 1) {
        frame.put(row({ note: randomBytes(512 << 10).toString('hex') }));
        appender.append(frame);
      }
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'lake.memory' }));
    small.closeSync();
  });
});
