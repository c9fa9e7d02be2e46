import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBatch } from '../../activities/load-batch.ts';
import { startSource, sourceStatus } from '../../scripts/source-registry.ts';
import { filterLine, filterTable, loadLines, objectHeader } from '../support/lake.ts';
import { projectRoot } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startWorkerStack, type WorkerStack } from '../support/worker-stack.ts';

let stack: WorkerStack;

/** ISO 8601 with its zone: without one, programs take a time for their own. */
const utcTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as NDJSON. */
  readonly json: Record<string, unknown>[];
}

async function ppi(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', join(projectRoot, 'scripts/ppi.ts'), ...args],
      { cwd: projectRoot, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...stack.env, ...env } },
      (error, stdout, stderr) => {
        const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
        const json = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr, json });
      },
    );
  });
}

beforeAll(async () => {
  stack = await startWorkerStack(temporaryDirectory('repairs-cli'));
  const { lake } = stack.dependencies;
  await loadLines(lake, objectHeader('new'), [
    `${filterLine(1)} newkey=secret-42`,
    `${filterLine(2)} newkey=other-99`,
    `${filterLine(3)} score=high`,
    'garbled \u001B[31m line',
    'garbled too',
  ]);
  await loadLines(lake, objectHeader('old'), [filterLine(4), filterLine(5)], () => ({
    reject: { code: 'invalid_record', reason: 'too new' },
  }));
  await loadLines(lake, objectHeader('foreign', 'globex'), ['garbled too']);
  await lake.load(objectHeader('binary'), [filterTable], async (stage) =>
    stage.addDeadLetter({
      table: filterTable,
      record: { bytes: Buffer.from([0xff, 0xfe, 0x00, 0x41]), offset: 7, line: 3 },
      reject: { code: 'invalid_json', reason: 'the record must be UTF-8' },
    }),
  );
}, 120_000);

afterAll(() => stack.close());

describe('ppi drift', () => {
  it('lists each path once, with the shape of a value and never the value', async () => {
    const { json, stdout } = await ppi(['drift', 'list', '--tenant', 'acme', '--json']);
    expect(json).toMatchObject([
      { path: 'newkey', kinds: ['unknown_field'], json_types: ['string'], occurrences: 2, example: 'aaaaaa-99' },
      { path: 'score', kinds: ['type_change'], occurrences: 1, acknowledged: false },
    ]);
    for (const { first_seen, last_seen } of json)
      expect([first_seen, last_seen]).toEqual([expect.stringMatching(utcTime), expect.stringMatching(utcTime)]);
    expect(stdout).not.toContain('secret');
    const table = await ppi(['drift', 'list', '--table', 'gateway_filter_logs']);
    expect(table.stdout).toMatch(
      /^tenant +table +path +kind[^]*acme +gateway_filter_logs +newkey +unknown_field +string +2 /,
    );
  }, 30_000);

  it('hides what was acknowledged, and shows it with --all', async () => {
    expect((await ppi(['drift', 'ack', 'acme', 'gateway_filter_logs', 'newkey'])).code).toBe(0);
    const paths = async (...more: string[]) =>
      (await ppi(['drift', 'list', '--tenant', 'acme', '--json', ...more])).json.map(({ path }) => path);
    expect(await paths()).toEqual(['score']);
    expect(await paths('--all')).toEqual(['newkey', 'score']);
  }, 30_000);

  it('refuses what is not there', async () => {
    const unknownPath = await ppi(['drift', 'ack', 'acme', 'gateway_filter_logs', 'nokey']);
    expect(unknownPath).toMatchObject({ code: 2, stderr: expect.stringContaining('no drift of acme') });
    const unknownTable = await ppi(['drift', 'list', '--table', 'nosuch']);
    expect(unknownTable).toMatchObject({ code: 2, stderr: expect.stringContaining('the tables are') });
  }, 30_000);
});

describe('ppi dead-letters', () => {
  it('lists by code with an example, and each with --json', async () => {
    const { stdout } = await ppi(['dead-letters', 'list', '--tenant', 'acme']);
    expect(stdout.trim().split('\n')).toHaveLength(4);
    expect(stdout).toMatch(/acme +filter +gateway_filter_logs +unknown_line +2 .* s3:\/\/logs\/new:[45] /);
    const { json } = await ppi(['dead-letters', 'list', '--tenant', 'acme', '--code', 'invalid_record', '--json']);
    expect(json).toHaveLength(2);
    expect(json[0]).toMatchObject({
      code: 'invalid_record',
      reason: 'too new',
      source_ref: { uri: 's3://logs/old' },
      size_bytes: expect.any(Number),
      failed_at: expect.stringMatching(utcTime),
      resolved_at: null,
    });
    expect((await ppi(['dead-letters', 'list', '--from', '2020-01-01', '--to', '2020-01-02', '--json'])).json).toEqual(
      [],
    );
  }, 30_000);

  it('says beside the letters, and those of queues, that there are more', async () => {
    const letter = { queueUrl: 'https://sqs.example/q', reason: 'no JSON', body: '', sentAtMs: 0 };
    await stack.dependencies.lake.keepQueueLetters(
      ['m0', 'm1'].map((messageId) => ({ ...letter, code: 'unreadable', messageId })),
    );
    const list = ['dead-letters', 'list', '--tenant', 'acme', '--code', 'unknown_line', '--json', '--limit'];
    const letters = ['notifications', 'letters', '--limit'];
    const [cut, whole, cutTable, cutJson, wholeTable] = await Promise.all([
      ppi([...list, '1']),
      ppi([...list, '2']),
      ppi([...letters, '1']),
      ppi([...letters, '1', '--json']),
      ppi([...letters, '2']),
    ]);
    for (const { stderr } of [cut, cutTable, cutJson]) expect(stderr).toBe('the first 1, and more: raise --limit\n');
    for (const { stderr } of [whole, wholeTable]) expect(stderr).toBe('');
    expect([cut, whole, cutJson].map(({ json }) => json.length)).toEqual([1, 2, 1]);
    expect(cutJson.json[0]).toMatchObject({
      sent_at: '1970-01-01T00:00:00Z',
      kept_at: expect.stringMatching(utcTime),
    });
    expect([cutTable, wholeTable].map(({ stdout }) => stdout.trim().split('\n').length)).toEqual([2, 3]);
  }, 60_000);

  it('says beside an empty list that the lake has never had the source or the code', async () => {
    const list = (...args: string[]) => ppi(['dead-letters', 'list', '--tenant', 'acme', ...args]);
    const [source, code, none] = await Promise.all([
      list('--source', 'bogus', '--json'),
      list('--code', 'bogus'),
      list('--source', 'filter', '--code', 'unknown_line', '--to', '2020-01-01'),
    ]);
    expect([source.code, source.stdout, source.stderr]).toEqual([
      0,
      '',
      'the lake has nothing of acme under the source "bogus"; known: filter\n',
    ]);
    expect([code.code, code.stderr]).toEqual([
      0,
      'the lake has nothing of acme under the code "bogus"; known: invalid_json, invalid_record, unknown_line\n',
    ]);
    expect([none.code, none.stderr]).toEqual([0, '']);
  }, 60_000);

  it('shows a letter: its text without what drives a terminal, bytes that are no text in base64', async () => {
    const { json: letters } = await ppi(['dead-letters', 'list', '--tenant', 'acme', '--json']);
    const idOf = async (code: string, size: number) =>
      String(letters.find((letter) => letter['code'] === code && letter['size_bytes'] === size)?.['dead_letter_id']);
    const text = await ppi(['dead-letters', 'show', await idOf('unknown_line', 'garbled \u001B[31m line'.length)]);
    expect(text.stdout).toContain('garbled');
    expect(text.stdout).toContain('code: unknown_line');
    expect(text.stdout).not.toContain('\u001B');
    const [binary] = (await ppi(['dead-letters', 'show', await idOf('invalid_json', 4), '--json'])).json;
    expect(binary).toMatchObject({
      raw_base64: '//4AQQ==',
      size_bytes: 4,
      failed_at: expect.stringMatching(utcTime),
      source_ref: { offset: '7', line: '3' },
    });
    const shared = await idOf('unknown_line', 'garbled too'.length);
    expect(await ppi(['dead-letters', 'show', shared])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('acme, globex'),
    });
    const own = await ppi(['dead-letters', 'show', shared, '--tenant', 'globex', '--json']);
    expect(own.json[0]).toMatchObject({ tenant_id: 'globex', raw: 'garbled too' });
    expect((await ppi(['dead-letters', 'show', "x' OR true --"])).code).toBe(2);
  }, 60_000);

  it('replays: says first how many, moves them once, lists them no more', async () => {
    const replay = async (...more: string[]) =>
      (await ppi(['dead-letters', 'replay', '--tenant', 'acme', '--json', ...more])).json[0];
    expect(await replay('--dry-run')).toMatchObject({ letters: 5, resolved: 2, dryRun: true });
    expect(await replay()).toMatchObject({ letters: 5, resolved: 2 });
    expect(await replay()).toMatchObject({ letters: 3, resolved: 0 });
    const codes = async (...more: string[]) =>
      (await ppi(['dead-letters', 'list', '--tenant', 'acme', '--json', ...more])).json.map(({ code }) => code);
    expect(await codes()).not.toContain('invalid_record');
    expect((await codes('--all')).filter((code) => code === 'invalid_record')).toHaveLength(2);
    expect((await ppi(['dead-letters', 'replay'])).code).toBe(2);
  }, 60_000);

  it('says to start a worker where none answers', async () => {
    const { code, json } = await ppi(['dead-letters', 'replay', '--tenant', 'acme', '--json'], {
      TASK_QUEUE: 'nobody',
    });
    expect(code).toBe(1);
    expect(json).toMatchObject([{ error: { code: 'source.silent', remedy: expect.stringContaining('ppi worker') } }]);
  }, 30_000);
});

describe('ppi reprocess', () => {
  it('corrects what a source brought, and fails loudly where a batch cannot be read', async () => {
    const settings = stack.s3Settings('redo/');
    const store = await stack.dependencies.stores.of(settings);
    for (const name of ['1', '2']) {
      const body = [filterLine(Number(name) + 50), 'garbled'].join('\n');
      await stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key: `redo/${name}`, Body: body }));
    }
    for (const object of (await store.list({ prefix: 'redo/', maxKeys: 10 })).objects) {
      const batch = { kind: 's3', bucket: stack.bucket, ...object } as const;
      const input = { tenantId: 'redo', sourceId: 'filter', settings, batch };
      const { header, tableNames, fill } = openBatch(stack.dependencies, input, new AbortController().signal);
      await stack.dependencies.lake.load(header, tableNames, (stage) =>
        fill({ ...stage, addRow: (table, row) => stage.addRow(table, { ...row, helo: null }) }),
      );
    }
    await startSource(stack.client, stack.config.temporal.taskQueue, {
      tenantId: 'redo',
      sourceId: 'filter',
      settings,
    });
    const name = ['--tenant', 'redo', '--source', 'filter'];
    const range = [...name, '--from', '2026-01-31', '--to', '2026-02-01'];
    const told = await ppi(['reprocess', ...range, '--dry-run']);
    expect(told.stdout).toContain('2 batches with 4 records parsed again (dry run: nothing is changed)');
    expect(told.stdout).toContain('rows: 0 as they were, 2 changed, 0 added, 0 removed');
    const done = await ppi(['reprocess', ...range, '--json']);
    expect(done).toMatchObject({ code: 0, json: [{ batches: 2, rowsChanged: 2, lettersResolved: 0 }] });
    expect((await ppi(['reprocess', ...range, '--json'])).json).toMatchObject([{ rowsKept: 2, rowsChanged: 0 }]);

    await stack.s3.send(
      new PutObjectCommand({ Bucket: stack.bucket, Key: 'redo/1', Body: 'another version of the object' }),
    );
    const failed = await ppi(['reprocess', ...range]);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/redo\/filter\/s3\/logs\/redo\/1@\w+ +s3\.object_changed/);
    expect(await sourceStatus(stack.client, { tenantId: 'redo', sourceId: 'filter' })).toMatchObject({ kind: 's3' });
  }, 60_000);

  it('refuses a range that ends before it begins, and a source that does not run', async () => {
    const range = (from: string, to: string) => ['--tenant', 'no', '--source', 'no', '--from', from, '--to', to];
    expect((await ppi(['reprocess', ...range('2026-02-01', '2026-01-31')])).code).toBe(2);
    const { code, json } = await ppi(['reprocess', ...range('2026-01-31', '2026-02-01'), '--json']);
    expect(code).toBe(1);
    expect(json).toMatchObject([{ error: { code: 'source.unknown' } }]);
  }, 30_000);
});
