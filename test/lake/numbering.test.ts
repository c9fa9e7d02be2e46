import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNumbering, numberingSuffixes, settleNumbers } from '../../lake/numbering.ts';
import { fileRelation, type Part, tableRelation } from '../../lake/parts.ts';
import type { LakeTable } from '../../lake/schema.ts';
import { columnsOfShape } from '../../lake/values.ts';
import { int64, struct, text } from '../../tables/column.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const table: LakeTable = {
  name: 'events',
  columns: columnsOfShape({ event_id: text(), source_ref: struct({ offset: int64(), line: int64() }), note: text() }),
  idColumn: 'event_id',
  identity: 'line',
  ranged: false,
};
const idOf = (line: string) => createHash('sha256').update(line).digest('hex').slice(0, 32);

const directory = temporaryDirectory('numbering');
const file = (name: string) => join(directory, `${name}.parquet`);

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});

/** A part of rows with these ids, of which the first stands at that place of the object. */
async function partOf(name: string, from: number, ids: readonly string[], placed?: string): Promise<Part> {
  const rows = ids.map(
    (id, index) => `('${id}', {'offset': ${(from + index) * 10}, 'line': ${from + index}}, 'note ${from + index}')`,
  );
  await connection.run(
    `CREATE OR REPLACE TABLE ${name} AS FROM (VALUES ${rows.join(', ')}) AS row (event_id, source_ref, note)`,
  );
  const part = { rowCount: ids.length, sizeBytes: 0 };
  if (placed === undefined) return { ...part, relation: tableRelation(name) };
  await connection.run(`COPY ${name} TO '${placed}' (FORMAT parquet)`);
  return { ...part, relation: fileRelation(placed, table), placed };
}

async function idsOf({ relation }: Part): Promise<string[]> {
  const rows = (await connection.runAndReadAll(`SELECT event_id, note FROM ${relation} ORDER BY rowid`)).getRows();
  return rows.map(([id]) => String(id));
}

describe('identical lines', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(idOf) as [string, string, string];

  it('are numbered as they come, where they stand close together', () => {
    const numbering = createNumbering();
    const ids = [a, b, a, a, c, b].map((id) => numbering.number({ event_id: id, note: 'x' }, 'event_id'));
    expect(ids.map(({ event_id }) => event_id)).toEqual([a, b, `${a}-2`, `${a}-3`, c, `${b}-2`]);
    expect(ids.every(({ note }) => note === 'x')).toBe(true);
  });

  it('never share a number, however many lines lie between them, but may be taken for the first again', () => {
    const numbering = createNumbering();
    const lines = Array.from({ length: 600_000 }, (_, index) => idOf(`line ${index}`));
    for (const id of lines) expect(numbering.number({ event_id: id }, 'event_id')['event_id'] === id).toBe(true);
  });

  it('are numbered throughout when the batch is complete, and a file with another number is not taken as it is', async () => {
    const parts = [
      await partOf('first', 0, [a, b, `${a}-2`], file('first')),
      await partOf('second', 3, [c], file('second')),
      // too far behind the first to be remembered
      await partOf('third', 4, [a, `${a}-2`, idOf('d')], file('third')),
      await partOf('rest', 7, [b, a]),
    ];
    const settled = await settleNumbers(connection, table, parts, 'test');
    expect(settled.map(({ placed }) => placed)).toEqual([file('first'), file('second'), undefined, undefined]);
    expect(await Promise.all(settled.map(idsOf))).toEqual([
      [a, b, `${a}-2`],
      [c],
      [`${a}-3`, `${a}-4`, idOf('d')],
      [`${b}-2`, `${a}-5`],
    ]);
    for (const suffix of numberingSuffixes) await connection.run(`DROP TABLE memory.main.test${suffix}`);
  });

  it('are left alone where each has its number', async () => {
    const parts = [await partOf('one', 0, [a, `${a}-2`, b], file('one')), await partOf('two', 3, [c])];
    expect(await settleNumbers(connection, table, parts, 'test')).toEqual(parts);
  });
});
