import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Check, ObjectSample } from '../../activities/contracts.ts';
import { testSource } from '../../scripts/commands/sources.ts';
import type { S3Settings } from '../../sources/settings.ts';
import { serve } from '../sources/streams.ts';
import { projectRoot } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startWorkerStack, type WorkerStack } from '../support/worker-stack.ts';
import { jsonLines, ppi } from './cli.ts';

const directory = temporaryDirectory('source-checks');
const fixture = (name: string) => readFileSync(join(projectRoot, 'test/fixtures/records', name));
const filterLog = fixture('proofpoint_gateway_filter_logs.log');
let stack: WorkerStack;

beforeAll(async () => {
  stack = await startWorkerStack(directory);
});
afterAll(() => stack.close());

async function put(key: string, body: Uint8Array | string): Promise<void> {
  await stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key: key, Body: body }));
}

const tried = (settings: S3Settings) =>
  testSource(stack.client, stack.config, { tenantId: 'acme', sourceId: 'tried', settings });

function sampleOf(checks: readonly Check[]): ObjectSample {
  const sample = checks.at(-1)?.sample;
  if (sample === undefined) throw new Error(`no sample: ${JSON.stringify(checks)}`);
  return sample;
}

/** As tenants.yaml has it, for the command line. */
function tenantsFile(name: string, settings: S3Settings): string {
  const { kind, table, bucket, prefix, endpoint, accessKeyId, secretAccessKey } = settings;
  const source = { kind, table, bucket, prefix, endpoint, accessKeyId, secretAccessKey };
  const file = join(directory, `${name}.yaml`);
  writeFileSync(file, stringify({ tenants: { acme: { sources: { tried: source } } } }));
  return file;
}

const program = (file: string, ...args: string[]) =>
  ppi(['sources', 'test', 'acme', 'tried', '-f', file, ...args], {
    TEMPORAL_ADDRESS: String(stack.env['TEMPORAL_ADDRESS']),
    DATA_DIR: directory,
    ALLOW_PRIVATE_ENDPOINTS: '1',
  });

describe('ppi sources test of an S3 source', () => {
  it('shows the rows that the newest object would become, and none of their values', async () => {
    await put('good/a.log', 'Mar 1 00:00:00 gw nothing: of interest\n');
    await put('good/b.log', filterLog);
    const file = tenantsFile('good', stack.s3Settings('good/'));
    const [table, json] = await Promise.all([program(file), program(file, '--json')]);
    expect([table.code, table.stderr, json.code, json.stderr]).toEqual([0, '', 0, '']);
    expect(table.stdout).toMatch(
      /^ok {6}credentials: env:STACK_KEY and env:STACK_SECRET are there\nok {6}list the prefix: 2 objects below s3:\/\/logs\/good\/\nok {6}get the newest object: good\/b.log: \d+ bytes/,
    );
    expect(table.stdout).toContain('6 of 6 records are rows of proofpoint_gateway_filter_logs\n');
    expect(table.stdout).toMatch(/\ncolumn +type +filled in rows\n/);
    const [document, ...more] = jsonLines(json.stdout) as { ok: boolean; checks: Check[] }[];
    expect(more).toEqual([]);
    expect(document).toMatchObject({ tenantId: 'acme', sourceId: 'tried', ok: true });
    const sample = sampleOf(document?.checks ?? []);
    expect(sample).toMatchObject({
      key: 'good/b.log',
      compression: 'none',
      form: 'lines of text',
      sizeBytes: filterLog.length,
      isWhole: true,
    });
    const [rows] = sample.tables;
    expect(rows).toMatchObject({ table: 'proofpoint_gateway_filter_logs', records: 6, rows: 6, deadLetters: [] });
    expect(rows?.firstEventAt).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(rows?.columns.length).toBeGreaterThan(10);
    for (const { filled } of rows?.columns ?? []) expect(filled).toBeLessThanOrEqual(6);
    // addresses, hosts and queue ids of the records
    const values = filterLog.toString().match(/[\w.+-]+@[\w.-]+|\b\d+\.\d+\.\d+\.\d+\b/g) ?? [];
    expect(values.length).toBeGreaterThan(5);
    for (const value of values) expect(json.stdout + table.stdout).not.toContain(value);
  });

  it('reads compressed JSON of both PoD tables, and tells fields without a column', async () => {
    const message = JSON.parse(fixture('proofpoint_on_demand_message.ndjson').toString()) as object;
    const records = [
      JSON.stringify({ ...message, newField: { inside: 1 } }),
      fixture('proofpoint_on_demand_maillog.ndjson'),
    ];
    await put('pod/a.json.gz', gzipSync(records.join('\n')));
    const checks = await tried(stack.s3Settings('pod/', 'proofpoint_on_demand'));
    expect(checks.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
    const sample = sampleOf(checks);
    expect(sample).toMatchObject({ compression: 'gzip', form: 'JSON' });
    expect(sample.tables.map(({ table, records: count, rows }) => [table, count, rows])).toEqual([
      ['proofpoint_on_demand_message', 1, 1],
      ['proofpoint_on_demand_maillog', 3, 3],
    ]);
    expect(sample.tables[0]?.drift).toContainEqual({
      path: 'newField',
      kind: 'unknown_field',
      jsonType: 'object',
      count: 1,
    });
  });

  it('reads CSV with a header', async () => {
    const csv = 'guid,ts,envelope.from\r\nabc,2026-03-11T10:15:08+0100,a@b.example\r\n';
    await put('csv/a.csv', csv);
    const sample = sampleOf(await tried(stack.s3Settings('csv/', 'proofpoint_on_demand_message')));
    expect(sample).toMatchObject({ form: 'CSV', tables: [{ records: 1, rows: 1 }] });
    expect(sample.tables[0]?.columns.map(({ name }) => name)).toContain('guid');
  });

  it.each([
    ['proofpoint_gateway_filter_logs', 'proofpoint_gateway_sendmail_logs.log', 'proofpoint_gateway_sendmail_logs'],
    ['proofpoint_gateway_sendmail_logs', 'proofpoint_gateway_filter_logs.log', 'proofpoint_gateway_filter_logs'],
    ['proofpoint_on_demand_message', 'proofpoint_on_demand_maillog.ndjson', 'proofpoint_on_demand_maillog'],
    ['proofpoint_on_demand', 'proofpoint_tap_messages_delivered.ndjson', 'proofpoint_tap_messages_delivered'],
    ['proofpoint_gateway_filter_logs', 'proofpoint_on_demand_message.ndjson', 'proofpoint_on_demand_message'],
  ])('says of a source for %s which table %s is of', async (table, content, found) => {
    const prefix = `wrong/${table}/`;
    await put(`${prefix}a`, fixture(content));
    const checks = await tried(stack.s3Settings(prefix, table));
    expect(checks.at(-1)).toMatchObject({
      name: 'recognize its records',
      ok: false,
      message: `the records are ${found}, not ${table}`,
      remedy: expect.stringContaining(found),
      sample: { tables: [{ table: found }] },
    });
  });

  it('counts dead letters by their reason, and fails where there is nothing else', async () => {
    await put('some/a.log', Buffer.concat([filterLog, Buffer.from('??\n??\n')]));
    const some = await tried(stack.s3Settings('some/'));
    expect(some.at(-1)).toMatchObject({ ok: true, message: expect.stringContaining('2 would be dead letters') });
    expect(sampleOf(some).tables[0]?.deadLetters).toEqual([
      { code: 'unknown_line', reason: expect.stringMatching(/./), count: 2 },
    ]);
    await put('none/a.log', 'no such log\n'.repeat(3));
    const file = tenantsFile('none', stack.s3Settings('none/'));
    const { code, stdout } = await program(file);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /FAILED {2}recognize its records: none of 3 records can be read as proofpoint_gateway_filter_logs\n {8}what to do: compare/,
    );
  });

  it('asks the notification queue, also while there is no object', async () => {
    const queue = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end('{"Attributes":{"ApproximateNumberOfMessages":"3","ApproximateNumberOfMessagesNotVisible":"1"}}');
    });
    const queueUrl = `${queue.url}/123456789012/uploads`;
    const checks = await tried({ ...stack.s3Settings('empty/'), notifications: { queueUrl, every: 60 } });
    await queue.close();
    expect(checks.at(-1)).toEqual({
      name: 'ask the notification queue',
      ok: true,
      message: `about 3 messages wait in ${queueUrl}, 1 are being read`,
    });
  });

  it('takes an empty prefix for a beginning, and no bucket for a mistake', async () => {
    const empty = await tried(stack.s3Settings('empty/'));
    expect(empty.map(({ name, ok, message }) => [name, ok, message])).toEqual([
      ['credentials', true, expect.anything()],
      ['list the prefix', true, 'nothing there yet below s3://logs/empty/'],
    ]);
    const none = await tried({ ...stack.s3Settings('empty/'), bucket: 'no-such-bucket' });
    expect(none.at(-1)).toMatchObject({
      name: 'list the prefix',
      ok: false,
      message: expect.stringContaining('NoSuchBucket'),
      remedy: expect.stringContaining('correct bucket'),
    });
  });

  it('names the step that a wrong secret fails, and one that is not there', async () => {
    const settings = stack.s3Settings('good/');
    const wrong = await tried({ ...settings, secretAccessKey: 'env:STACK_KEY' });
    expect(wrong.at(-1)).toMatchObject({
      name: 'list the prefix',
      ok: false,
      remedy: expect.stringContaining('access key'),
    });
    const missing = await tried({ ...settings, secretAccessKey: 'env:NOT_THERE' });
    expect(missing).toEqual([
      { name: 'credentials', ok: false, message: expect.stringContaining('env:NOT_THERE'), remedy: expect.anything() },
    ]);
  });

  it('says of a store that lists in another order than that of keys what to do about it', async () => {
    for (const key of ['order/mx/a.log', 'order/mx-2/a.log']) await put(key, filterLog);
    const checks = await tried(stack.s3Settings('order/'));
    expect(checks.at(-1)).toMatchObject({
      name: 'list the prefix',
      ok: false,
      remedy: expect.stringContaining('give each directory a source of its own'),
    });
    expect((await tried(stack.s3Settings('order/mx/'))).at(-1)?.ok).toBe(true);
  });

  it('tells the right to an object from the right to its key', async () => {
    const answers = async (deniedBy: 'HEAD' | 'GET') => {
      const server = await serve((request, response) => {
        if (request.url?.includes('list-type=2') === true)
          return void response.end(
            '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><ETag>"e"</ETag><Size>9</Size><LastModified>2026-01-31T05:00:00Z</LastModified></Contents></ListBucketResult>',
          );
        if (request.method === deniedBy) {
          response.writeHead(403);
          return void response.end(
            '<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt</Message></Error>',
          );
        }
        response.writeHead(200, { etag: '"e"', 'content-length': '9' });
        return void response.end(request.method === 'HEAD' ? undefined : 'some text');
      });
      const checks = await tried({ ...stack.s3Settings(''), endpoint: server.url });
      await server.close();
      return checks.at(-1);
    };
    expect(await answers('HEAD')).toMatchObject({
      name: 'get the newest object',
      ok: false,
      remedy: expect.stringContaining('s3:GetObject'),
    });
    expect(await answers('GET')).toMatchObject({
      name: 'decrypt it',
      ok: false,
      remedy: expect.stringContaining('kms:Decrypt'),
    });
  });

  it('reads no more than the beginning of an object, compressed or not', async () => {
    const lines = Buffer.concat(Array.from({ length: 20_000 }, () => filterLog));
    await put('big/a.log', lines);
    await put('bomb/a.gz', gzipSync(lines));
    for (const prefix of ['big/', 'bomb/']) {
      const sample = sampleOf(await tried(stack.s3Settings(prefix)));
      expect(sample.isWhole).toBe(false);
      expect(sample.sizeBytes).toBeLessThan(6_000_000);
      expect(sample.tables).toEqual([expect.objectContaining({ records: 2000, rows: 2000 })]);
    }
  });

  it('takes the last key of the newest partition where the layout is known', async () => {
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
    await put(`dated/${today}/b.log`, filterLog);
    await put(`dated/${today}/a.log`, 'uploaded later\n');
    await put('dated/2020/01/01/z.log', 'older\n');
    const settings = { ...stack.s3Settings('dated/'), layout: '%Y/%m/%d/' };
    expect(sampleOf(await tried(settings)).key).toBe(`dated/${today}/b.log`);
    expect((await tried({ ...settings, prefix: 'dated/2020' })).at(-1)?.sample?.key).toBe('dated/2020/01/01/z.log');
  });
});
