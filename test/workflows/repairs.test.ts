import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListBatchesInput, ReplayLettersInput } from '../../activities/contracts.ts';
import { landingKey } from '../../activities/fetch-tap-window.ts';
import { openBatch } from '../../activities/load-batch.ts';
import type { LetterFilter } from '../../lake/dead-letters.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import type { Stage } from '../../lake/stage.ts';
import { replay, reprocess } from '../../scripts/repairs.ts';
import { batchId, type Batch } from '../../sources/batch.ts';
import { type SourceSettings, tapSettings } from '../../sources/settings.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import { exportHistories, recordHistories } from '../support/histories.ts';
import { filterLine, filterTable, loadLines, objectHeader } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startWorkerStack, type WorkerStack } from '../support/worker-stack.ts';

const directory = temporaryDirectory('repairs');
const messages = 'proofpoint_tap_messages_blocked';
let stack: WorkerStack;
let reader: LakeReader;

beforeAll(async () => {
  stack = await startWorkerStack(directory);
  reader = await openLakeReader(stack.config.lake);
}, 120_000);

afterAll(async () => {
  reader.close();
  await stack.close();
});

const query = async (sql: string) => (await reader.query(sql)).rows;
const silent = () => undefined;

/** What goes into the lake as a parser of yesterday would have read it: no `helo`, no `subject`, lines of `sid7…` and subjects `7…` not at all. */
function yesterday(stage: Stage): Stage {
  return {
    ...stage,
    addRow(table, row) {
      const { offset, line } = row['source_ref'] as { offset: number; line: number };
      if (/^(sid)?7/.test(String(row['sid'] ?? row['subject']))) {
        const record = { bytes: Buffer.from(String(row['raw'])), offset, line };
        stage.addDeadLetter({ table, record, reject: { code: 'invalid_record', reason: 'too new' } });
      } else {
        stage.addRow(table, { ...row, [table === messages ? 'subject' : 'helo']: null });
      }
    },
  };
}

/** Loads a batch as the worker would, through yesterday's parser. */
async function loadYesterday(tenantId: string, sourceId: string, settings: SourceSettings, batch: Batch) {
  const { header, tableNames, fill } = openBatch(
    stack.dependencies,
    { tenantId, sourceId, settings, batch },
    new AbortController().signal,
  );
  return stack.dependencies.lake.load(header, tableNames, (stage) => fill(yesterday(stage)));
}

async function putObject(key: string, lines: readonly string[]): Promise<Batch> {
  await stack.s3.send(new PutObjectCommand({ Bucket: stack.bucket, Key: key, Body: lines.join('\n') }));
  const store = await stack.dependencies.stores.of(stack.s3Settings(''));
  const [object] = (await store.list({ prefix: key, maxKeys: 1 })).objects;
  if (object === undefined) throw new Error(`no object ${key}`);
  return { kind: 's3', bucket: stack.bucket, ...object };
}

const rowsOf = (table: string, tenantId: string) =>
  query(`SELECT * EXCLUDE (tenant_id, batch_id, ingested_at) REPLACE (source_ref.line AS source_ref)
    FROM ${table} WHERE tenant_id = '${tenantId}' ORDER BY event_id`);

describe('a replay of dead letters', () => {
  const replayed = (tenantId: string, dryRun: boolean, filter: LetterFilter = {}) =>
    replay(stack.client, stack.config, { tenantId, filter, dryRun }, silent);

  it('moves all that parse to rows, page by page, exactly once', async () => {
    const lines = Array.from({ length: 2300 }, (_, index) => filterLine(index));
    await loadLines(stack.dependencies.lake, objectHeader('a', 'acme'), [...lines, 'garbled', lines[0] ?? ''], () => ({
      reject: { code: 'unknown_line', reason: 'too new' },
    }));
    expect(await replayed('acme', true)).toEqual({ done: true, letters: 2302, resolved: 2301 });
    expect(await rowsOf(filterTable, 'acme')).toEqual([]);
    const seen: number[] = [];
    const outcomes = await Promise.all([
      replay(stack.client, stack.config, { tenantId: 'acme', filter: {}, dryRun: false }, ({ letters }) => {
        seen.push(letters);
      }),
      // another replay of the same letters, at the same time
      replayed('acme', false, { table: filterTable }),
    ]);
    expect(outcomes.reduce((sum, { resolved }) => sum + resolved, 0)).toBe(2301);
    expect(seen.at(-1)).toBe(outcomes[0].letters);
    await loadLines(stack.dependencies.lake, objectHeader('a', 'fresh'), [...lines, 'garbled', lines[0] ?? '']);
    expect(await rowsOf(filterTable, 'acme')).toEqual(await rowsOf(filterTable, 'fresh'));
    expect(await replayed('acme', false)).toEqual({ done: true, letters: 1, resolved: 0 });
  });

  it('reads times that have no zone in that of the source that shipped them', async () => {
    const local = filterLine(1).replace('+00:00', '');
    const header = { ...objectHeader('local', 'zoned'), timezone: 'America/New_York' };
    await loadLines(stack.dependencies.lake, header, [local], () => ({
      reject: { code: 'unknown_line', reason: 'too new' },
    }));
    expect(await replayed('zoned', false)).toMatchObject({ resolved: 1 });
    expect(await query(`SELECT event_time::VARCHAR AS at FROM ${filterTable} WHERE tenant_id = 'zoned'`)).toEqual([
      { at: '2026-01-31 10:00:00.000001' },
    ]);
  });
});

describe('reprocessing', () => {
  const range = { from: '2026-01-31T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z' };
  const run = (tenantId: string, sourceId: string, settings: SourceSettings, dryRun = false) =>
    reprocess(stack.client, stack.config, { tenantId, sourceId, settings, ...range, dryRun }, silent);

  it('makes the rows of objects what a first load would make today', async () => {
    const settings = stack.s3Settings('acme/');
    for (const [name, numbers] of Object.entries({ a: [1, 2, 2, 70], b: [2, 3, 71], c: [4, 5] })) {
      const batch = await putObject(`acme/${name}@x.log`, [...numbers.map(filterLine), `garbled ${name}`]);
      await loadYesterday('redo', 'filter', settings, batch);
      await loadYesterday('other', 'filter', settings, batch);
      await stack.dependencies.lake.load(
        { ...objectHeader(name, 'first'), fallbackTime: 0 },
        [filterTable],
        async (stage) => {
          const { fill } = openBatch(
            stack.dependencies,
            { tenantId: 'first', sourceId: 'filter', settings, batch },
            new AbortController().signal,
          );
          await fill({ ...stage, addRow: (table, row) => stage.addRow(table, { ...row, tenant_id: 'first' }) });
        },
      );
    }
    const untouched = await rowsOf(filterTable, 'other');
    const expected = {
      batches: 3,
      batchesFailed: 0,
      records: 12,
      rowsKept: 0,
      rowsChanged: 6,
      rowsAdded: 2,
      rowsRemoved: 0,
      lettersResolved: 2,
      lettersAdded: 0,
    };
    expect(await run('redo', 'filter', settings, true)).toMatchObject(expected);
    expect(await run('redo', 'filter', settings)).toMatchObject({ ...expected, done: true });
    expect(await rowsOf(filterTable, 'redo')).toEqual(await rowsOf(filterTable, 'first'));
    expect(await rowsOf(filterTable, 'other')).toEqual(untouched);
    expect(await run('redo', 'filter', settings)).toMatchObject({ rowsKept: 8, rowsChanged: 0, rowsAdded: 0 });
  });

  it('reads TAP windows from landing, those of the range alone', async () => {
    const settings = tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S' });
    const event = (minute: number, subject: string) => ({
      GUID: `g${minute}${subject}`,
      messageTime: `2026-01-31T05:0${minute}:01.000Z`,
      subject,
    });
    const windows = [
      { from: '2026-01-31T05:00:00Z', to: '2026-01-31T05:05:00Z', events: [event(1, 'one'), event(2, '7 up')] },
      { from: '2026-01-31T05:05:00Z', to: '2026-01-31T05:10:00Z', events: [event(6, 'two')] },
      { from: '2026-02-01T00:00:00Z', to: '2026-02-01T00:05:00Z', events: [event(9, 'late')] },
    ];
    for (const { from, to, events } of windows) {
      const batch: Batch = { kind: 'tap', from, to, pass: 'live' };
      const file = join(directory, 'landed.json.gz');
      writeFileSync(file, gzipSync(JSON.stringify({ messagesBlocked: events })));
      await stack.dependencies.landing.putIfAbsent(
        landingKey(batchId({ tenantId: 'tap', sourceId: 'tap' }, batch)),
        file,
      );
      await loadYesterday('tap', 'tap', settings, batch);
    }
    expect(await run('tap', 'tap', settings)).toMatchObject({
      batches: 2,
      rowsChanged: 2,
      rowsAdded: 1,
      lettersResolved: 1,
    });
    expect(await query(`SELECT subject FROM ${messages} WHERE tenant_id = 'tap' ORDER BY guid`)).toEqual([
      { subject: 'one' },
      { subject: '7 up' },
      { subject: 'two' },
      { subject: null },
    ]);
  });

  it('reports a batch whose object is gone, leaves its rows, and does the others', async () => {
    const settings = stack.s3Settings('gone/');
    const batches = [await putObject('gone/1', [filterLine(80)]), await putObject('gone/2', [filterLine(81)])];
    for (const batch of batches) await loadYesterday('gone', 'filter', settings, batch);
    await stack.s3.send(new DeleteObjectCommand({ Bucket: stack.bucket, Key: 'gone/1' }));
    expect(await run('gone', 'filter', settings)).toMatchObject({
      done: true,
      batches: 1,
      batchesFailed: 1,
      failed: [{ batchId: expect.stringContaining('gone/1@'), code: 's3.object_missing' }],
    });
    expect(await query(`SELECT sid, helo FROM ${filterTable} WHERE tenant_id = 'gone' ORDER BY sid`)).toEqual([
      { sid: 'sid80', helo: null },
      { sid: 'sid81', helo: 'h81.example' },
    ]);
  });

  it('runs behind live reads', async () => {
    const { priority, typedSearchAttributes } = await stack.client.workflow
      .getHandle(`reprocess/gone/filter/${range.from}_${range.to}`)
      .describe();
    expect(priority).toMatchObject({ priorityKey: 4, fairnessKey: 'gone' });
    expect(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
      expect.arrayContaining([
        ['TenantId', 'gone'],
        ['SourceId', 'filter'],
      ]),
    );
  });

  it('leaves the ledger and the lake in agreement', async () => {
    expect(
      await query(`
        SELECT bool_and(c.records = c.rows + c.dead_letters) AS whole, sum(c.rows_added)::INTEGER - (
            SELECT count(*) FROM (SELECT event_id FROM ${filterTable} UNION ALL SELECT event_id FROM ${messages})
          )::INTEGER AS apart
        FROM (SELECT unnest(counts) AS c FROM batches)`),
    ).toEqual([{ whole: true, apart: 0 }]);
  });
});

describe('long repairs', () => {
  it('carry their place and their counts into their next run', async () => {
    const taskQueue = 'long-repairs';
    const pages = 220;
    const batches = 320;
    const batch = (index: number): Batch => ({
      kind: 's3',
      bucket: 'b',
      key: String(index).padStart(4, '0'),
      etag: 'e',
      sizeBytes: 1,
      lastModified: '2026-01-31T00:00:00Z',
    });
    const activities = {
      replayLetters: async ({ after }: ReplayLettersInput) =>
        Number(after) < pages
          ? { letters: 10, resolved: 9, next: String(Number(after) + 1) }
          : { letters: 0, resolved: 0 },
      listBatches: async ({ after, limit }: ListBatchesInput) => {
        const all = Array.from({ length: batches }, (_, index) => batch(index));
        const rest = all.filter((one) => batchId({ tenantId: 'long', sourceId: 's' }, one) > after);
        return { batches: rest.slice(0, limit), more: rest.length > limit };
      },
      reprocessBatch: async () => ({
        records: 2,
        rowsKept: 1,
        rowsChanged: 1,
        rowsAdded: 0,
        rowsRemoved: 0,
        lettersResolved: 0,
        lettersAdded: 0,
      }),
    };
    const connection = await NativeConnection.connect({ address: stack.config.temporal.address ?? '' });
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: { codePath: await workflowBundlePath(stack.config) },
      activities,
    });
    const running = worker.run();
    const config = { ...stack.config, temporal: { ...stack.config.temporal, taskQueue } };
    const settings = stack.s3Settings('long/');
    const time = { from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' };
    const [letters, rows] = await Promise.all([
      replay(stack.client, config, { tenantId: 'long', filter: {}, dryRun: false }, silent),
      reprocess(stack.client, config, { tenantId: 'long', sourceId: 's', settings, ...time, dryRun: false }, silent),
    ]);
    worker.shutdown();
    await running;
    await connection.close();
    expect(letters).toEqual({ done: true, letters: 10 * pages, resolved: 9 * pages });
    expect(rows).toMatchObject({ done: true, batches, records: 2 * batches, rowsChanged: batches });
    const runs = [];
    for await (const { type, status } of stack.client.workflow.list({ query: `TenantId = 'long'` }))
      runs.push([type, status.name]);
    expect(runs).toEqual(
      expect.arrayContaining([
        ['replayDeadLetters', 'CONTINUED_AS_NEW'],
        ['reprocessSource', 'CONTINUED_AS_NEW'],
      ]),
    );
  }, 120_000);

  it('keep events out of their histories', async () => {
    const histories = await exportHistories(stack.client, stack.config.temporal.address ?? '');
    const ours = histories.filter(({ workflowType }) =>
      ['replayDeadLetters', 'reprocessSource'].includes(workflowType),
    );
    if (process.env['RECORD_HISTORIES'] === '1')
      recordHistories(ours.filter(({ workflowId }) => !workflowId.includes('long')));
    expect(ours.length).toBeGreaterThan(5);
    const text = ours.map(({ readable }) => readable).join('\n');
    expect(text).toContain('env:STACK_SECRET');
    for (const content of ['sid70', 'h81.example', 'garbled', '7 up', 'stack-secret-key'])
      expect(text).not.toContain(content);
  }, 60_000);
});
