import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LakeSettings } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import { alterLake, filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('guarded');
const credentials = { accessKeyId: 'lake', secretAccessKey: 'lake-secret-key' };

let s3: S3Server;
let postgres: PostgresServer;
beforeAll(async () => {
  [s3, postgres] = await Promise.all([
    startS3Server({ dataDir: join(directory, 's3'), ...credentials }),
    startPostgres({ dataDir: join(directory, 'postgres') }),
  ]);
  const client = createS3Client({ region: 'us-east-1', endpoint: s3.endpoint, credentials });
  for (const Bucket of ['lake', 'other']) await client.send(new CreateBucketCommand({ Bucket }));
}, 120_000);
afterAll(() => Promise.all([s3.close(), postgres.close()]));

const kinds: Record<string, () => Promise<LakeSettings>> = {
  'SQLite and a directory': async () => sqliteLake(join(directory, 'local')),
  'Postgres and S3': async () => ({
    ...(await createPostgresLake(postgres, directory)).settings,
    dataPath: 's3://lake/data',
    s3: { region: 'us-east-1', endpoint: s3.endpoint, credentials },
  }),
};

describe.each(Object.keys(kinds))('a reader that is asked, on %s', (kind) => {
  let settings: LakeSettings;
  let reader: LakeReader;
  beforeAll(async () => {
    settings = (await kinds[kind]?.()) ?? sqliteLake(directory);
    const lake = await openLake(settings);
    await loadLines(lake, objectHeader('one'), [filterLine(1), filterLine(2)]);
    await lake.close();
    reader = await openLakeReader({ ...settings, memoryMegabytes: 128 });
  }, 120_000);
  afterAll(() => reader.close());

  it.each([
    [`SELECT count(*)::INTEGER AS n FROM ${filterTable};`, [{ n: 2 }]],
    [`-- all\nFROM (SELECT count(*)::INTEGER AS n FROM latest_${filterTable})`, [{ n: 2 }]],
    ['WITH a AS (SELECT 1 AS one) FROM a', [{ one: 1 }]],
    [`SELECT name FROM (SHOW TABLES) WHERE name = 'batches'`, [{ name: 'batches' }]],
    [`/* all */ SELECT 'FROM sqlite_scan(1)' AS query`, [{ query: 'FROM sqlite_scan(1)' }]],
    ['PIVOT (SELECT 1 AS a, 2 AS b) ON a IN (1) USING first(b)', [{ 1: 2 }]],
    ['SELECT count(*)::INTEGER AS n FROM range(3), unnest([1, 2])', [{ n: 6 }]],
    [`SELECT min(snapshot_id)::INTEGER AS first FROM ducklake_snapshots('lake')`, [{ first: 0 }]],
    [`SELECT table_name FROM lake.table_info() WHERE table_name = 'batches'`, [{ table_name: 'batches' }]],
    [`SELECT column_name FROM duckdb_columns() WHERE table_name = 'fence'`, [{ column_name: 'commits' }]],
  ])('answers %s', async (sql, rows) => {
    expect((await reader.ask(sql)).rows).toEqual(rows);
  });

  it.each([
    'SHOW TABLES',
    'DESCRIBE batches',
    'SUMMARIZE batches',
    'EXPLAIN FROM batches',
    '-- why\nEXPLAIN FROM batches',
  ])('answers %s', async (sql) => {
    expect((await reader.ask(sql)).rows.length).toBeGreaterThan(0);
  });

  it('explains by running, and spills what is more than its memory', async () => {
    for (const options of ['ANALYZE', '(ANALYZE, FORMAT json)'])
      expect((await reader.ask(`EXPLAIN ${options} FROM batches`)).rows).toHaveLength(1);
    const sorted = 'SELECT i, repeat(md5(i::VARCHAR), 8) AS t FROM range(800000) AS r (i) ORDER BY t';
    expect((await reader.ask(`SELECT count(t)::INTEGER AS n FROM (${sorted} LIMIT 700000)`)).rows).toEqual([
      { n: 700_000 },
    ]);
  });

  const file = join(directory, 'out.csv');
  it.each([
    `COPY (SELECT 1) TO '${file}'`,
    `EXPLAIN ANALYZE COPY (SELECT 1) TO '${file}'`,
    `EXPLAIN (ANALYZE) COPY (SELECT 1) TO '${file}'`,
    `SELECT 1; COPY (SELECT 1) TO '${file}'`,
    `ATTACH '${join(directory, 'other.db')}' AS other`,
    `DELETE FROM ${filterTable}`,
    `EXPLAIN ANALYZE DELETE FROM ${filterTable}`,
    'DETACH lake',
    'SET enable_external_access = true',
    'RESET lock_configuration',
    'CREATE TEMP TABLE t AS SELECT 1',
    "CALL ducklake_expire_snapshots('lake')",
    'BEGIN',
    'INSTALL httpfs',
    'FROM duckdb_databases()',
    'SELECT path FROM "DuckDB_databases"',
    'WITH a AS (SELECT path FROM system.main.duckdb_databases) FROM a',
    'FROM pragma_database_list()',
    '',
    '-- nothing',
  ])('refuses %s', async (sql) => {
    await expect(reader.ask(sql)).rejects.toMatchObject({
      code: 'lake.query',
      message: expect.stringMatching(/read-only|Permission Error/),
    });
    expect(existsSync(file)).toBe(false);
  });

  it('opens no file of the machine, and none of another bucket', async () => {
    const secret = join(directory, 'secret.csv');
    writeFileSync(secret, 'secret\n1\n');
    for (const sql of [
      `FROM read_text('${secret}')`,
      `FROM '${secret}'`,
      `FROM glob('${directory}/*')`,
      `FROM read_csv('${join(directory, 'local/lake/data')}/../../../secret.csv')`,
      `FROM sqlite_scan('${join(directory, 'local/lake/catalog.sqlite')}', 'ducklake_table')`,
      `FROM read_csv('s3://other/secret.csv')`,
      `FROM read_csv('${s3.endpoint}/other/secret.csv')`,
    ])
      await expect(reader.ask(sql)).rejects.toMatchObject({
        code: 'lake.query',
        message: expect.stringMatching(/Permission Error|of the lake alone/),
      });
  });

  it('changes nothing by functions either', async () => {
    const metadata = '__ducklake_metadata_lake';
    for (const sql of [
      `FROM ducklake_expire_snapshots('lake', older_than => now())`,
      `FROM ducklake_cleanup_old_files('lake', cleanup_all => true)`,
      `FROM "DuckLake_delete_orphaned_files"('lake', cleanup_all => true)`,
      'FROM lake.merge_adjacent_files()',
      `FROM lake.set_option('parquet_compression', 'zstd')`,
      `FROM query('FROM ducklake_' || 'cleanup_old_files(''lake'', cleanup_all => true)')`,
      `SELECT (SELECT max(n) FROM "Query" /* of */ ('SELECT 1 AS n'))`,
      `EXPLAIN ANALYZE FROM query('SELECT 1')`,
      `FROM json_execute_serialized_sql(json_serialize_sql('FROM ducklake_cleanup_old_files(''lake'', cleanup_all => true)'))`,
      `SELECT (SELECT n FROM JSON_execute_serialized_SQL(json_serialize_sql('SELECT 1 AS n')))`,
      'FROM checkpoint()',
      `FROM read_duckdb('${join(directory, 'other.db')}')`,
      `FROM postgres_execute('${metadata}', 'DELETE FROM ducklake_snapshot')`,
      `FROM postgres_query('${metadata}', 'DELETE FROM ducklake_snapshot RETURNING *')`,
    ])
      await expect(reader.ask(sql)).rejects.toThrow(/read-only here, of the lake alone/);
    expect(await queryLake(settings, `SELECT count(*)::INTEGER AS n FROM ${filterTable}`)).toEqual([{ n: 2 }]);
  });
});

it('removes no file that maintenance has yet to remove', async () => {
  const settings = sqliteLake(join(directory, 'merged'));
  const lake = await openLake(settings);
  for (const number of [1, 2]) await loadLines(lake, objectHeader(`of${number}`), [filterLine(number)]);
  await lake.close();
  await alterLake(
    settings,
    `CALL ducklake_merge_adjacent_files('lake')`,
    `CALL ducklake_expire_snapshots('lake', older_than => now())`,
  );
  const files = () =>
    readdirSync(settings.dataPath, { recursive: true })
      .map(String)
      .toSorted((a, b) => a.localeCompare(b));
  const before = files();
  const reader = await openLakeReader(settings);
  await reader.ask(`FROM ducklake_cleanup_old_files('lake', cleanup_all => true)`).catch(() => undefined);
  reader.close();
  expect(files()).toEqual(before);
});
