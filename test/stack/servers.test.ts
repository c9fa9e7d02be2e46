import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DuckDBInstance } from '@duckdb/node-api';
import { Client, Connection } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startS3Server } from '../../scripts/stack/s3-server.ts';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { consecutiveErrorsKey, tenantIdKey, watermarkKey } from '../../workflows/search-attributes.ts';
import { startPostgres } from '../support/postgres-server.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'servers-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the S3 server', () => {
  const keys = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
  const connect = (endpoint: string, secretAccessKey = keys.secretAccessKey) =>
    new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { ...keys, secretAccessKey } });
  const object = { Bucket: 'logs', Key: 'filter/a b.log' };

  it('takes writes at once, checks secrets, honours If-None-Match, and keeps its objects over a restart', async () => {
    const dataDir = join(directory, 's3');
    const first = await startS3Server({ dataDir, ...keys });
    const s3 = connect(first.endpoint);
    await s3.send(new CreateBucketCommand({ Bucket: 'logs' }));
    await s3.send(new PutObjectCommand({ ...object, Body: 'one' }));
    const again = s3.send(new PutObjectCommand({ ...object, Body: 'two', IfNoneMatch: '*' }));
    await expect(again).rejects.toThrow(expect.objectContaining({ name: 'PreconditionFailed' }));
    const stranger = connect(first.endpoint, 'wrong').send(new GetObjectCommand(object));
    await expect(stranger).rejects.toThrow(expect.objectContaining({ name: 'SignatureDoesNotMatch' }));
    const unknown = s3.send(new PutObjectCommand({ Bucket: 'nowhere', Key: 'k', Body: 'x' }));
    await expect(unknown).rejects.toThrow(expect.objectContaining({ name: 'NoSuchBucket' }));
    await first.close();

    const second = await startS3Server({ dataDir, ...keys });
    const { Body } = await connect(second.endpoint).send(new GetObjectCommand(object));
    expect(await Body?.transformToString()).toBe('one');
    await second.close();
  });
});

describe('the Temporal server', () => {
  it('knows the search attributes from the start, serves the UI, and keeps workflows over a restart', async () => {
    const options = {
      dataDir: join(directory, 'temporal'),
      namespace: 'lab',
      logFile: join(directory, 'temporal.log'),
    };
    const first = await startTemporalServer(options);
    const started = await Connection.connect({ address: first.address });
    await new Client({ connection: started, namespace: 'lab' }).workflow.start('nobody-runs-it', {
      taskQueue: 'none',
      workflowId: 'ingest/acme/tap',
      typedSearchAttributes: new TypedSearchAttributes([
        { key: tenantIdKey, value: 'acme' },
        { key: watermarkKey, value: new Date('2026-01-31T05:00:00Z') },
        { key: consecutiveErrorsKey, value: 3 },
      ]),
    });
    expect((await fetch(first.uiUrl ?? '')).status).toBe(200);
    await started.close();
    await first.close();

    const second = await startTemporalServer({ ...options, uiPort: 'none' });
    expect(second.uiUrl).toBeUndefined();
    const connection = await Connection.connect({ address: second.address });
    const client = new Client({ connection, namespace: 'lab' });
    const query = `TenantId = 'acme' AND ConsecutiveErrors = 3 AND Watermark < '2026-02-01T00:00:00Z'`;
    expect((await client.workflow.count(query)).count).toBe(1);
    await connection.close();
    await second.close();
  });
});

describe('the Postgres server', () => {
  it('takes DuckDB as a client and recovers from being killed', async () => {
    const dataDir = join(directory, 'postgres');
    const first = await startPostgres({ dataDir });
    const duckdb = await (await DuckDBInstance.create()).connect();
    await duckdb.run(
      `SET extension_directory = '${new URL('../../.tools/duckdb', import.meta.url).pathname}'; LOAD postgres`,
    );
    await duckdb.run(
      `ATTACH '${first.connectionString}' AS one (TYPE postgres); CREATE TABLE one.t AS SELECT 42 AS answer; DETACH one`,
    );
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toBe('SIGKILL');
    const second = await startPostgres({ dataDir });
    await duckdb.run(`ATTACH '${second.connectionString}' AS two (TYPE postgres)`);
    expect((await duckdb.runAndReadAll('FROM two.t')).getRows()).toEqual([[42]]);
    duckdb.closeSync();
    await second.close();
  });
});
