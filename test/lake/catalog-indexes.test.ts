import { join } from 'node:path';
import connect from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { filterLine, loadLines, objectHeader } from '../support/lake.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('catalog-index');
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ dataDir: join(directory, 'postgres') });
}, 120_000);
afterAll(() => server.close());

async function lakeAndSql() {
  const { settings, database } = await createPostgresLake(server, directory);
  const sql = connect({ host: server.host, port: server.port, user: server.user, database, onnotice: () => undefined });
  const indexes = async () =>
    Array.from(
      await sql`
        SELECT indexname FROM pg_indexes
        WHERE tablename IN ('ducklake_file_column_stats', 'ducklake_data_file') AND indexname NOT LIKE '%_pkey' ORDER BY indexname`,
      ({ indexname }) => String(indexname),
    );
  return { settings, sql, indexes };
}

const both = ['ppi_ducklake_data_file', 'ppi_ducklake_file_column_stats'];

describe('the catalog of a lake in Postgres', () => {
  it('has the indexes that its readers need, however many workers start at once', async () => {
    const { settings, sql, indexes } = await lakeAndSql();
    await (await openLake(settings)).close();
    expect(await indexes()).toEqual(both);
    await sql`DROP INDEX ppi_ducklake_file_column_stats, ppi_ducklake_data_file`;
    const lakes = await Promise.all(Array.from({ length: 4 }, () => openLake(settings)));
    await Promise.all(lakes.map((lake) => lake.close()));
    expect(await indexes()).toEqual(both);
    await sql.end();
  });

  it('gets none where somebody has made one', async () => {
    const { settings, sql, indexes } = await lakeAndSql();
    await (await openLake(settings)).close();
    await sql`ALTER INDEX ppi_ducklake_file_column_stats RENAME TO their_own`;
    await (await openLake(settings)).close();
    expect(await indexes()).toEqual(['ppi_ducklake_data_file', 'their_own']);
    await sql.end();
  });

  it('is written to without them by a role that may make none', async () => {
    const { settings, sql, indexes } = await lakeAndSql();
    await (await openLake(settings)).close();
    await sql`DROP INDEX ppi_ducklake_file_column_stats, ppi_ducklake_data_file`;
    await sql`CREATE ROLE writer LOGIN`;
    await sql`GRANT ALL ON ALL TABLES IN SCHEMA public TO writer`;
    const catalog = settings.catalog.replace(`user=${server.user}`, 'user=writer');
    const lake = await openLake({ ...settings, catalog });
    const receipt = await loadLines(lake, objectHeader('object'), [filterLine(1)]);
    await lake.close();
    expect(receipt.tables).toMatchObject([{ rowsAdded: 1 }]);
    expect(await indexes()).toEqual([]);
    await sql.end();
  });
});
