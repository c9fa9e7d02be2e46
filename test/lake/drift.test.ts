import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDriftWatch, otherPaths, pathsMax } from '../../lake/drift-watch.ts';
import { listDrift } from '../../lake/drift.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { tables } from '../../tables/registry.ts';
import type { Row } from '../../tables/table.ts';
import { filterLine, filterTable, loadLines, objectHeader, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const messages = 'proofpoint_tap_messages_blocked';

function messageRow(record: object): Row {
  const bytes = Buffer.from(JSON.stringify({ GUID: 'g', ...record }));
  const { row } = tables[messages].parse(
    { bytes, offset: 0, line: 1 },
    { tenantId: 'acme', batchId: 'b', uri: 'u', fallbackTime: 0, fallbackTimeSource: 'window', ingestedAt: 0 },
  );
  if (row === undefined) throw new Error('no row');
  return row;
}

function sightings(...records: object[]) {
  const watch = createDriftWatch();
  for (const record of records) watch.note(messages, messageRow(record));
  return watch
    .sightings()
    .map(({ path, kind, jsonType, example, occurrences }) => [path, kind, jsonType, example, occurrences]);
}

describe('what a batch has beyond the schema', () => {
  it('is counted by path, whatever the index, with the type that the record gives it', () =>
    expect(
      sightings(
        { newField: 'Ab-12', messageParts: [{ entropy: 7.5 }, { entropy: 3 }] },
        { newField: 'Zz-99', newFlag: true, newCode: '12', newNull: null, newList: [1, 2] },
      ),
    ).toEqual([
      ['newField', 'unknown_field', 'string', 'aa-99', 2],
      ['messageParts[].entropy', 'unknown_field', 'number', '9.9', 2],
      ['newFlag', 'unknown_field', 'boolean', 'aaaa', 1],
      ['newCode', 'unknown_field', 'string', '99', 1],
      ['newNull', 'unknown_field', 'null', 'aaaa', 1],
      ['newList', 'unknown_field', 'array', '[9,9]', 1],
    ]));

  it('is a change of type where a column cannot hold the value', () =>
    expect(sightings({ subject: { text: 'a' } }, { spamScore: 'high' }, { spamScore: 'low' })).toEqual([
      ['subject', 'type_change', 'object', '{"aaaa":"a"}', 1],
      ['spamScore', 'type_change', 'string', 'aaaa', 2],
    ]));

  it('never holds a value: letters and digits of any script are replaced, and the rest is cut', () => {
    const [[, , , example] = []] = sightings({ odd: `Ünï çode ٣ 日本\u0007\u{1F600} ${'x1'.repeat(40)}` });
    expect(example).toMatch(/^[a9? ]{1,40}$/);
  });

  it('takes one reading of the record, however many unknown fields it has', () => {
    const row = messageRow(Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`k${index}`, index])));
    const parse = vi.spyOn(JSON, 'parse');
    createDriftWatch().note(messages, row);
    const readings = parse.mock.calls.filter(([text]) => text === row['raw']).length;
    parse.mockRestore();
    expect(readings).toBe(1);
  });

  it('is bounded under hostile keys', () => {
    const many = Object.fromEntries(Array.from({ length: pathsMax + 500 }, (_, index) => [`k${index}`, 'v']));
    const counted = sightings(many, { ['x'.repeat(5000)]: 'v' }, { __proto__: 1, 'a.b[0]"': 'quoted', '': 'empty' });
    expect(counted).toHaveLength(pathsMax + 1);
    expect(counted.at(-1)).toEqual([otherPaths, 'unknown_field', 'string', 'a', 503]);
    const [[path = ''] = []] = sightings({ ['x'.repeat(5000)]: 'v' });
    expect(String(path)).toHaveLength(200);
    expect(sightings({ 'a.b[0]"': 'quoted', '': 'empty' }).map(([shown]) => shown)).toEqual(['["a.b[0]\\""]', '[""]']);
  });

  it('is not what has a column but lost it to another spelling, nor the bytes that we add ourselves', () => {
    expect(sightings({ cluster: 'a', clusterId: 'b' })).toEqual([]);
    const { row } = tables[filterTable].parse(
      { bytes: Buffer.from(`${filterLine(1)} bad=\xff`, 'latin1'), offset: 0, line: 1 },
      { tenantId: 'acme', batchId: 'b', uri: 'u', fallbackTime: 0, fallbackTimeSource: 'object', ingestedAt: 0 },
    );
    const watch = createDriftWatch();
    watch.note(filterTable, row ?? {});
    expect(watch.sightings().map(({ path }) => path)).toEqual(['bad']);
  });
});

describe('drift in the lake', () => {
  const settings = sqliteLake(temporaryDirectory('drift'));
  let lake: Lake;
  let reader: LakeReader;
  beforeAll(async () => {
    lake = await openLake(settings);
    reader = await openLakeReader(settings);
  });
  afterAll(async () => {
    reader.close();
    await lake.close();
  });

  const line = (number: number, more: string) => `${filterLine(number)} ${more}`;
  const list = async (path?: string) =>
    (await listDrift(reader, { tenantId: 'acme', path })).map(({ path: shown, kinds, occurrences, acknowledged }) => ({
      path: shown,
      kinds,
      occurrences,
      acknowledged,
    }));

  it('is counted once per batch, however often the batch is committed', async () => {
    await loadLines(lake, objectHeader('one'), [line(1, 'fresh=1'), line(2, 'fresh=2')]);
    await loadLines(lake, objectHeader('one'), [line(1, 'fresh=1'), line(2, 'fresh=2')]);
    await loadLines(lake, objectHeader('two'), [line(3, 'fresh=3')]);
    await loadLines(lake, objectHeader('foreign', 'globex'), [line(3, 'fresh=3')]);
    expect(await list()).toEqual([{ path: 'fresh', kinds: ['unknown_field'], occurrences: '3', acknowledged: false }]);
    const [entry] = await listDrift(reader, { tenantId: 'acme' });
    expect((entry?.first_seen ?? '') < (entry?.last_seen ?? '')).toBe(true);
  });

  it('is hidden once acknowledged, until its kind or type changes', async () => {
    await loadLines(lake, objectHeader('three'), [line(4, 'score=high')]);
    const [entry] = await listDrift(reader, { tenantId: 'acme', path: 'score' });
    if (entry === undefined) throw new Error('no drift');
    await lake.acknowledgeDrift(entry);
    await loadLines(lake, objectHeader('four'), [line(5, 'score=low')]);
    expect(await list('score')).toMatchObject([{ kinds: ['type_change'], occurrences: '2', acknowledged: true }]);
    expect(await listDrift(reader, { tenantId: 'globex', path: 'fresh' })).toMatchObject([{ acknowledged: false }]);

    const stageOdd = lake.load(objectHeader('five'), [messages], async (stage) =>
      stage.addRow(messages, { ...messageRow({ odd: 1 }), event_id: 'e5' }),
    );
    await stageOdd;
    const [odd] = await listDrift(reader, { tenantId: 'acme', path: 'odd' });
    if (odd === undefined) throw new Error('no drift');
    await lake.acknowledgeDrift(odd);
    await lake.load(objectHeader('six'), [messages], async (stage) =>
      stage.addRow(messages, { ...messageRow({ odd: 'text' }), event_id: 'e6' }),
    );
    expect(await listDrift(reader, { tenantId: 'acme', path: 'odd' })).toMatchObject([
      { json_types: ['number', 'string'], acknowledged: false },
    ]);
  });

  it('keeps at most 1,000 paths of a tenant and table, whichever batches bring them, and counts the rest as one', async () => {
    const flood = (from: number) =>
      Array.from({ length: 700 }, (_, index) => line(100 + from + index, `flood${from + index}=1`));
    await loadLines(lake, objectHeader('flood-1', 'noisy'), flood(0));
    await loadLines(lake, objectHeader('flood-2', 'noisy'), flood(700));
    await loadLines(lake, objectHeader('flood-3', 'noisy'), [line(5000, 'flood3=1')]);
    const entries = await listDrift(reader, { tenantId: 'noisy' });
    expect(entries).toHaveLength(pathsMax + 1);
    expect(entries.find(({ path }) => path === otherPaths)?.occurrences).toBe('400');
    expect(entries.find(({ path }) => path === 'flood3')?.occurrences).toBe('2');
  });
});
