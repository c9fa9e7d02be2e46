import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openObject } from '../../activities/load-batch.ts';
import { openLake, type Lake } from '../../lake/lake.ts';
import { createS3Client } from '../../lake/s3-access.ts';
import { smallBytesMax } from '../../lake/small-stage.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import { createObjectStore, type ObjectStore } from '../../sources/s3/client.ts';
import { s3Settings } from '../../sources/settings.ts';
import { filterLine, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('open-object');
const credentials = { accessKeyId: 'open', secretAccessKey: 'open-secret-key' };
let server: S3Server;
let lake: Lake;
let store: ObjectStore;
beforeAll(async () => {
  server = await startS3Server({ dataDir: join(directory, 's3'), ...credentials });
  lake = await openLake(sqliteLake(join(directory, 'lake')));
  store = createObjectStore({
    bucket: 'logs',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials,
    allowPrivateEndpoints: true,
  });
}, 60_000);
afterAll(async () => {
  store.close();
  await lake.close();
  await server.close();
});

describe('an object', () => {
  it('is asked for once, though it is small and holds more than a small batch may', async () => {
    const s3 = createS3Client({ region: 'us-east-1', endpoint: server.endpoint, credentials });
    await s3.send(new CreateBucketCommand({ Bucket: 'logs' }));
    const plain = Array.from({ length: 1500 }, (_, index) => filterLine(index)).join('\n');
    const body = gzipSync(plain);
    expect(body.length).toBeLessThan(smallBytesMax);
    await s3.send(new PutObjectCommand({ Bucket: 'logs', Key: 'dense.log.gz', Body: body }));
    s3.destroy();
    const object = await store.head({ key: 'dense.log.gz' });
    if (object === undefined) throw new Error('the object is not there');
    let opened = 0;
    const counted: ObjectStore = {
      ...store,
      open(request) {
        opened += 1;
        return store.open(request);
      },
    };
    const settings = s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'logs' });
    const { header, tableNames, fill } = openObject(
      {
        stores: { of: async () => counted, close: () => undefined },
        objectLimits: { ratioMax: 1000, megabytesMax: 1000 },
      },
      { tenantId: 'acme', sourceId: 'filter' },
      { kind: 's3', bucket: 'logs', ...object },
      settings,
      new AbortController().signal,
    );
    let fills = 0;
    const receipt = await lake.load(header, tableNames, async (stage) => {
      fills += 1;
      await fill(stage);
    });
    expect(receipt.tables).toMatchObject([{ records: 1500, rowsAdded: 1500 }]);
    expect({ fills, opened }).toEqual({ fills: 2, opened: 1 });
  });
});
