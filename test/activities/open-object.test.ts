import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openObject } from '../../activities/load-batch.ts';
import { openLake, type Lake } from '../../lake/lake.ts';
import { openLakeReader } from '../../lake/reader.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { smallBytesMax } from '../../lake/small-stage.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import type { ObjectBatch } from '../../sources/batch.ts';
import { createObjectStore, type ObjectStore } from '../../sources/s3/client.ts';
import { s3Settings } from '../../sources/settings.ts';
import { filterLine, filterTable, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('open-object');
const lakeSettings = sqliteLake(join(directory, 'lake'));
const credentials = { accessKeyId: 'open', secretAccessKey: 'open-secret-key' };
let server: S3Server;
let lake: Lake;
let store: ObjectStore;
beforeAll(async () => {
  server = await startS3Server({ dataDir: join(directory, 's3'), ...credentials });
  lake = await openLake(lakeSettings);
  store = createObjectStore({
    bucket: 'logs',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials,
    allowPrivateEndpoints: true,
  });
  const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: 'logs' }));
  s3.destroy();
}, 60_000);
afterAll(async () => {
  store.close();
  await lake.close();
  await server.close();
});

async function upload(key: string, body: string | Buffer): Promise<ObjectBatch> {
  const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
  await s3.send(new PutObjectCommand({ Bucket: 'logs', Key: key, Body: body }));
  s3.destroy();
  const object = await store.head({ key });
  if (object === undefined) throw new Error('the object is not there');
  return { kind: 's3', bucket: 'logs', ...object };
}

/** As a worker opens it, from `store` or what stands for it. */
function open(batch: ObjectBatch, from: ObjectStore = store, more: { readonly timezone?: string } = {}) {
  return openObject(
    {
      stores: { of: async () => from, close: () => undefined },
      objectLimits: { ratioMax: 1000, megabytesMax: 1000 },
    },
    { tenantId: 'acme', sourceId: 'filter' },
    batch,
    s3Settings.parse({ kind: 's3', table: filterTable, bucket: 'logs', ...more }),
    new AbortController().signal,
  );
}

describe('an object', () => {
  it('is asked for once, though it is small and holds more than a small batch may', async () => {
    const body = gzipSync(Array.from({ length: 1500 }, (_, index) => filterLine(index)).join('\n'));
    expect(body.length).toBeLessThan(smallBytesMax);
    let opened = 0;
    const counted: ObjectStore = {
      ...store,
      open(request) {
        opened += 1;
        return store.open(request);
      },
    };
    const { header, tableNames, fill } = open(await upload('dense.log.gz', body), counted);
    let fills = 0;
    const receipt = await lake.load(header, tableNames, async (stage) => {
      fills += 1;
      await fill(stage);
    });
    expect(receipt.tables).toMatchObject([{ records: 1500, rowsAdded: 1500 }]);
    expect({ fills, opened }).toEqual({ fills: 2, opened: 1 });
  });

  it('has its times read in the time zone of the source, where they say none, and the ledger knows of it', async () => {
    const local = filterLine(1).replace('+00:00', '');
    const { header, tableNames, fill } = open(await upload('local.log', local), store, {
      timezone: 'America/New_York',
    });
    await lake.load(header, tableNames, fill);
    const reader = await openLakeReader(lakeSettings);
    const { rows } = await reader.query(`
      SELECT event_time::VARCHAR AS at, timezone FROM ${filterTable} JOIN batches USING (batch_id)
      WHERE source_ref.uri = 's3://logs/local.log'`);
    reader.close();
    expect(rows).toEqual([{ at: '2026-01-31 10:00:00.000001', timezone: 'America/New_York' }]);
  });
});
