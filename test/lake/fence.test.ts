import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import { renewFence } from '../../lake/fence.ts';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('fence');
let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres({ dataDir: join(directory, 'postgres') });
}, 120_000);
afterAll(() => postgres.close());

const fence = async (settings: LakeSettings) => Number((await queryLake(settings, 'FROM fence'))[0]?.['commits']);

describe('the fence', () => {
  it('is made anew after many commits, and not before', async () => {
    const settings = sqliteLake(join(directory, 'sqlite'));
    const lake = await openLake(settings);
    for (let number = 0; number < 5; number += 1)
      await loadLines(lake, objectHeader(`object-${number}`), [filterLine(number)]);
    const opened = await openLakeInstance(settings, { readOnly: false });
    const connection = await opened.connect();
    await renewFence(connection, 6);
    expect(await fence(settings)).toBe(5);
    await renewFence(connection, 5);
    expect(await fence(settings)).toBe(0);
    opened.close();
    const { tables } = await loadLines(lake, objectHeader('object-5'), [filterLine(4), filterLine(5)]);
    expect(tables).toMatchObject([{ rows: 2, rowsAdded: 1 }]);
    expect(await fence(settings)).toBe(1);
    await lake.close();
  });

  it('outlives maintenance, which removes the files of those before', async () => {
    const settings = sqliteLake(join(directory, 'maintained'));
    const files = () => readdirSync(join(settings.dataPath, 'main/fence'), { recursive: true }).length;
    const lake = await openLake(settings);
    const load = (number: number) => loadLines(lake, objectHeader(`object-${number}`), [filterLine(number)]);
    for (let number = 0; number < 5; number += 1) await load(number);
    const opened = await openLakeInstance(settings, { readOnly: false });
    await renewFence(await opened.connect(), 5);
    opened.close();
    await load(5);
    expect(files()).toBeGreaterThan(5);
    await maintainLake(settings, { keepSeconds: 0, unfinishedSeconds: 0 });
    expect(files()).toBe(1);
    expect((await load(6)).tables).toMatchObject([{ rowsAdded: 1 }]);
    expect(await fence(settings)).toBe(2);
    await lake.close();
  });

  it.each([
    ['SQLite', async () => sqliteLake(join(directory, 'race'))],
    ['Postgres', async () => (await createPostgresLake(postgres, directory)).settings],
  ] as const)('keeps two committers of the same batches apart while it is made anew: %s', async (_, create) => {
    const settings = await create();
    const lakes = [await openLake(settings), await openLake(settings)];
    const opened = await openLakeInstance(settings, { readOnly: false });
    const connection = await opened.connect();
    const over = new AbortController();
    const renewals: true[] = [];
    const renewing = (async () => {
      while (!over.signal.aborted) {
        // where commits were always first it is tried again
        await renewFence(connection, 1).then(
          (isRenewed) => isRenewed && renewals.push(true),
          () => undefined,
        );
      }
    })();
    let round = 0;
    for (; round < 6 || renewals.length === 0; round += 1) {
      const lines = Array.from({ length: 5 }, (__, index) => filterLine(round * 10 + index));
      await Promise.all(lakes.map((lake) => loadLines(lake, objectHeader(`round-${round}`), lines)));
    }
    over.abort();
    await renewing;
    opened.close();
    for (const lake of lakes) await lake.close();
    const [held] = await queryLake(
      settings,
      `SELECT (SELECT count(*)::INTEGER FROM ${filterTable}) AS rows, (SELECT count(*)::INTEGER FROM batches) AS batches`,
    );
    expect(held).toEqual({ rows: 5 * round, batches: round });
  });
});
