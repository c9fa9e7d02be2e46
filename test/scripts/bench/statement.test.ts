import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, it } from 'vitest';
import { offerRows, registerRowFeed } from '../../../lake/row-feed.ts';
import { createTableSql } from '../../../lake/schema.ts';
import { name } from '../../../lake/sql.ts';
import { columnsOfShape } from '../../../lake/values.ts';
import { benchInput } from '../../../scripts/bench/input.ts';
import type { LineTable } from '../../../scripts/bench/line-columns.ts';
import { selectLines } from '../../../scripts/bench/statement-lines.ts';
import { selectPlainly } from '../../../scripts/bench/statement-plain.ts';
import { tables } from '../../../tables/registry.ts';
import type { Row } from '../../../tables/table.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const records = 4000;

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  registerRowFeed(connection);
  await connection.run(`SET TimeZone = 'UTC'`);
});

/** Table `ours`: the rows that the parser makes of the file's lines. */
async function parseAll(table: LineTable, path: string): Promise<void> {
  const columns = columnsOfShape(tables[table].row.shape);
  await connection.run('DROP TABLE IF EXISTS ours');
  await connection.run(createTableSql('ours', columns));
  const rows: Row[] = [];
  let offset = 0;
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(path).pipe(createGunzip()) })) {
    const bytes = Buffer.from(text);
    line += 1;
    const { row } = tables[table].parse(
      { bytes, offset, line },
      {
        tenantId: 'acme',
        batchId: 'acme/bench/s3/bench/object@etag',
        uri: 's3://bench/object',
        fallbackTime: Date.UTC(2026, 1, 1) * 1000,
        fallbackTimeSource: 'object',
        ingestedAt: 0,
      },
    );
    if (row === undefined) throw new Error(`line ${line} is no row`);
    rows.push(row);
    offset += bytes.length + 1;
  }
  await offerRows(columns, rows, (relation) => connection.run(`INSERT INTO ours FROM ${relation}`));
}

/** Lines where a statement is known to be wrong about a column, as a condition on the line. */
type Known = Readonly<Record<string, string>>;

/** Of the statement's columns: rows that differ where nothing is known, and rows that differ where something is. */
async function compare(
  select: string,
  known: Known,
): Promise<{ different: Record<string, number>; asKnown: string[] }> {
  await connection.run(`CREATE OR REPLACE TABLE theirs AS ${select}`);
  const described = await connection.runAndReadAll('DESCRIBE theirs');
  const columns = described
    .getRows()
    .map(([column]) => String(column))
    .filter((column) => column !== 'ingested_at');
  const side = (table: string) => {
    const values = columns.map((column) =>
      column === 'extra' ? 'list_sort(map_entries(extra)) AS extra' : name(column),
    );
    return `(SELECT ${values.join(', ')} FROM ${table})`;
  };
  const counts = columns.flatMap((column) => {
    const differs = `ours.${name(column)} IS DISTINCT FROM theirs.${name(column)}`;
    const excused = known[column] ?? 'false';
    return [`count(*) FILTER (${differs} AND NOT (${excused}))`, `count(*) FILTER (${differs} AND (${excused}))`];
  });
  const compared = await connection.runAndReadAll(
    `SELECT count(*), ${counts.join(', ')} FROM ${side('ours')} AS ours POSITIONAL JOIN ${side('theirs')} AS theirs`,
  );
  const [rows, ...numbers] = (compared.getRows()[0] ?? []).map(Number);
  expect(rows).toBe(records);
  const found = columns.map((column, at) => ({
    column,
    other: numbers[at * 2] ?? 0,
    excused: numbers[at * 2 + 1] ?? 0,
  }));
  return {
    different: Object.fromEntries(found.filter(({ other }) => other > 0).map(({ column, other }) => [column, other])),
    asKnown: found.filter(({ excused }) => excused > 0).map(({ column }) => column),
  };
}

/** A sender that stands in another text of sendmail. */
const sendmailKnown: Known = { mail_from: "ours.raw LIKE '%SYSERR%'" };

describe.each([
  {
    table: 'proofpoint_gateway_sendmail_logs',
    fastest: sendmailKnown,
    plain: sendmailKnown,
  },
  {
    table: 'proofpoint_gateway_filter_logs',
    // the loader keeps both of two equal keys
    fastest: { extra: "ours.raw LIKE '% cmd=% cmd=%'" },
    // a key within a quoted value is no key
    plain: { engine: 'ours.raw LIKE \'%="% engine=%"%\'' },
  },
] as const)('$table in SQL', ({ table, fastest, plain }) => {
  let path: string;
  beforeAll(async () => {
    ({ path } = await benchInput(temporaryDirectory('bench'), table, records));
    await parseAll(table, path);
  });

  it('is what the loader makes, in the fastest form', async () =>
    expect(await compare(selectLines(table, path), fastest)).toEqual({ different: {}, asKnown: Object.keys(fastest) }));

  it('is what the loader makes, as a user writes it', async () =>
    expect(await compare(selectPlainly(table, path), plain)).toEqual({ different: {}, asKnown: Object.keys(plain) }));
});
