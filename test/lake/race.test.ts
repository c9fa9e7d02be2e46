import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LakeSettings } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import {
  filterLine,
  filterTable,
  loadLarge,
  loadLines,
  longLines,
  objectHeader,
  queryLake,
  sqliteLake,
} from '../support/lake.ts';
import { createMutant, type Mutation, projectRoot, removeMutant } from '../support/mutant.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('race');
let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres({ dataDir: join(directory, 'postgres') });
});
afterAll(() => postgres.close());

const postgresLake = async () => (await createPostgresLake(postgres, directory)).settings;

async function race(root: string, settings: LakeSettings): Promise<Record<string, number>> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(root, 'test/support/race.ts'), JSON.stringify(settings)],
    { cwd: root },
  );
  return JSON.parse(stdout) as Record<string, number>;
}

const exact = { rows: 160, deadLetters: 8, batches: 8, rounds: 8 };

describe('workers that make a new lake at the same moment', () => {
  it.each([
    ['Postgres', postgresLake],
    ['SQLite', async () => sqliteLake(join(directory, 'first'))],
  ])('all have it, on a %s catalog', async (_, newLake) => {
    const settings = await newLake();
    const lakes = await Promise.all(Array.from({ length: 4 }, () => openLake(settings)));
    for (const [number, lake] of lakes.entries())
      await loadLines(lake, objectHeader(`object ${number}`), [filterLine(number)]);
    await Promise.all(lakes.map((lake) => lake.close()));
    expect(await queryLake(settings, `SELECT count(*)::INTEGER AS rows FROM ${filterTable}`)).toEqual([{ rows: 4 }]);
  });
});

describe('two committers of the same batches', () => {
  it('leave each batch once, on a Postgres catalog', async () => {
    expect(await race(projectRoot, await postgresLake())).toEqual(exact);
  }, 120_000);

  it('leave each batch once, on a SQLite catalog', async () => {
    expect(await race(projectRoot, sqliteLake(join(directory, 'sqlite')))).toEqual(exact);
  }, 120_000);

  it.each(['no-fence', 'no-ledger'] as const satisfies readonly Mutation[])(
    'leave more than that in a copy with %s',
    async (mutation) => {
      const root = createMutant(mutation);
      try {
        expect(await race(root, await postgresLake())).not.toEqual(exact);
      } finally {
        removeMutant(root);
      }
    },
    120_000,
  );
});

describe('lake on Postgres and S3', () => {
  let server: S3Server;
  const credentials = { accessKeyId: 'lake', secretAccessKey: 'lake-secret-key' };
  beforeAll(async () => {
    server = await startS3Server({ dataDir: join(directory, 's3'), ...credentials });
    await createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials }).send(
      new CreateBucketCommand({ Bucket: 'lake' }),
    );
  });
  afterAll(() => server.close());

  it('opens, creates, commits and is read again', async () => {
    const settings: LakeSettings = {
      ...(await postgresLake()),
      dataPath: 's3://lake/data',
      s3: { region: 'us-east-1', endpoint: server.endpoint, credentials },
    };
    const lake = await openLake(settings);
    await loadLines(lake, objectHeader('remote'), [filterLine(1), filterLine(2)]);
    expect(
      (await loadLines(lake, objectHeader('remote-again'), [filterLine(2), filterLine(3)])).tables[0]?.rowsAdded,
    ).toBe(1);
    await lake.close();
    expect(await queryLake(settings, `SELECT sid FROM ${filterTable} ORDER BY sid`)).toEqual([
      { sid: 'sid1' },
      { sid: 'sid2' },
      { sid: 'sid3' },
    ]);
  });

  it('takes large batches as files, and removes the files that no commit took', async () => {
    const s3 = { region: 'us-east-1', endpoint: server.endpoint, credentials };
    const settings: LakeSettings = { ...(await postgresLake()), dataPath: 's3://lake/large/', s3 };
    const lake = await openLake(settings);
    await loadLarge(lake, objectHeader('large'), longLines(0, 1200));
    const { tables: counts } = await loadLarge(lake, objectHeader('overlapping'), longLines(1000, 2200));
    expect(counts).toMatchObject([{ rows: 1200, rowsAdded: 1000 }]);
    await lake.close();
    const events = `SELECT count(*)::INTEGER AS rows, count(DISTINCT event_id)::INTEGER AS ids, sum(strlen(raw))::BIGINT AS bytes FROM ${filterTable}`;
    const held = await queryLake(settings, events);
    expect(held).toMatchObject([{ rows: 2200, ids: 2200 }]);
    const placed = async () => {
      const listed = await createS3Client(s3).send(new ListObjectsV2Command({ Bucket: 'lake', Prefix: 'large/main/' }));
      return (listed.Contents ?? []).filter(({ Key }) => Key?.includes('/event_day=2026-01-31/batch-')).length;
    };
    // of each 48 MB two of 16 MB, and the last rows
    expect(await placed()).toBe(6);
    const { leftoversDeleted } = await maintainLake(settings, { keepSeconds: 86_400, unfinishedSeconds: 0 });
    // too young for `keepSeconds`
    expect(leftoversDeleted).toBe(0);
    expect(await maintainLake(settings, { keepSeconds: 0, unfinishedSeconds: 0 })).toMatchObject({
      leftoversDeleted: 1,
    });
    expect(await placed()).toBe(0);
    expect(await queryLake(settings, events)).toEqual(held);
  }, 120_000);

  it('does not let a wrong password or host into its message', async () => {
    const settings = {
      ...(await postgresLake()),
      catalog: 'postgres:host=127.0.0.1 port=1 user=lake password=hunter2-secret dbname=lake',
    };
    const opening = openLake(settings);
    await expect(opening).rejects.toMatchObject({ code: 'lake.unavailable' });
    await expect(opening).rejects.toThrow(/^((?!hunter2).)*$/);
  });
});
