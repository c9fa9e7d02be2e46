import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lake, openLake } from '../../lake/lake.ts';
import { openLakeReader } from '../../lake/reader.ts';
import {
  addLines,
  alterLake,
  filterLine,
  filterTable,
  loadLines,
  objectHeader,
  queryLake,
  sqliteLake,
} from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('lake on SQLite and a directory', () => {
  const settings = sqliteLake(temporaryDirectory('lake'));
  let lake: Lake;
  beforeAll(async () => {
    lake = await openLake(settings);
  });
  afterAll(() => lake.close());

  const count = async (where: string) => {
    const [row] = await queryLake(settings, `SELECT count(*)::INTEGER AS n FROM ${filterTable} WHERE ${where}`);
    return row?.['n'];
  };

  it('shows a reader one state for as long as it asks at once', async () => {
    const reader = await openLakeReader(settings);
    const rows = async () => (await reader.query(`SELECT count(*)::INTEGER AS n FROM ${filterTable}`)).rows[0]?.['n'];
    const [first, second] = await reader.atOnce(async () => {
      const before = await rows();
      await loadLines(lake, objectHeader('meanwhile'), [filterLine(77_001)]);
      return [before, await rows()];
    });
    expect(second).toBe(first);
    expect(await rows()).toBe(Number(first) + 1);
    reader.close();
  });

  it('loads a batch once, and answers a second try with the receipt of the first', async () => {
    const header = objectHeader('once');
    const lines = [filterLine(1), filterLine(2), 'garbled'];
    const first = await loadLines(lake, header, lines);
    expect(first.tables).toEqual([{ table: filterTable, records: 3, rows: 2, rowsAdded: 2, deadLetters: 1 }]);
    expect(await loadLines(lake, header, [filterLine(3)])).toEqual(first);
    expect(await count(`batch_id = '${header.batchId}'`)).toBe(2);
    expect(
      await queryLake(settings, `SELECT count(*)::INTEGER AS n FROM batches WHERE batch_id = '${header.batchId}'`),
    ).toEqual([{ n: 1 }]);
  });

  it('loads a batch once whose attempts meet in one commit', async () => {
    // while the first of these is committed, the others gather
    const header = objectHeader('met');
    const names = ['met-before', ...Array.from({ length: 5 }, () => 'met'), 'met-beside'];
    const receipts = await Promise.all(
      names.map((name) =>
        loadLines(lake, objectHeader(name), [
          filterLine(8000 + names.indexOf(name)),
          filterLine(9000 + names.indexOf(name)),
        ]),
      ),
    );
    for (const { tables } of receipts) expect(tables).toMatchObject([{ records: 2, rows: 2, rowsAdded: 2 }]);
    expect(await count(`batch_id = '${header.batchId}'`)).toBe(2);
    expect(
      await queryLake(settings, `SELECT count(*)::INTEGER AS n FROM batches WHERE batch_id = '${header.batchId}'`),
    ).toEqual([{ n: 1 }]);
  });

  it('keeps identical lines of one object apart, and knows them again under another key', async () => {
    const lines = [filterLine(10), filterLine(10), filterLine(11), filterLine(10)];
    expect((await loadLines(lake, objectHeader('twins'), lines)).tables[0]?.rowsAdded).toBe(4);
    expect((await loadLines(lake, objectHeader('twins-shipped-again'), lines)).tables[0]).toMatchObject({
      rows: 4,
      rowsAdded: 0,
    });
    expect((await loadLines(lake, objectHeader('one-more'), [...lines, filterLine(10)])).tables[0]?.rowsAdded).toBe(1);
    expect(await count(`sid = 'sid10'`)).toBe(4);
  });

  it('keeps the same line of two tenants apart', async () => {
    await loadLines(lake, objectHeader('shared', 'acme'), [filterLine(20)]);
    expect((await loadLines(lake, objectHeader('shared', 'globex'), [filterLine(20)])).tables[0]?.rowsAdded).toBe(1);
    expect(await count(`sid = 'sid20'`)).toBe(2);
  });

  it('keeps a dead letter byte for byte, once, with its place', async () => {
    const bad = 'broken \u00e9 line';
    await loadLines(lake, objectHeader('bad-1'), [filterLine(30), bad]);
    await loadLines(lake, objectHeader('bad-2'), [bad]);
    const letters = await queryLake(
      settings,
      `SELECT code, decode(raw) AS raw, source_ref.uri AS uri, source_ref.line::INTEGER AS line FROM dead_letters WHERE decode(raw) = '${bad}'`,
    );
    expect(letters).toEqual([{ code: 'unknown_line', raw: bad, uri: 's3://logs/bad-1', line: 2 }]);
  });

  it('recognises a line without a time of its own when it is shipped again on another day', async () => {
    const line = 'queued-reinject[31146]: s=untimed mod=session cmd=disconnect';
    await loadLines(lake, objectHeader('untimed'), [line]);
    expect(await count(`sid = 'untimed' AND time_source = 'object'`)).toBe(1);
    const table = (await import('../../tables/registry.ts')).tables[filterTable];
    const header = objectHeader('untimed-next-day');
    const again = await lake.load(header, [filterTable], async (stage) => {
      const record = { bytes: Buffer.from(line), offset: 0, line: 1 };
      const { row } = table.parse(record, {
        tenantId: 'acme',
        batchId: header.batchId,
        uri: header.uri,
        fallbackTime: 1_769_935_600_000_000,
        fallbackTimeSource: 'object',
        ingestedAt: stage.ingestedAt,
      });
      if (row !== undefined) stage.addRow(filterTable, row);
    });
    expect(again.tables[0]).toMatchObject({ rows: 1, rowsAdded: 0 });
  });

  it('leaves nothing behind when filling a batch fails', async () => {
    const header = objectHeader('fails');
    const failing = lake.load(header, [filterTable], async (stage) => {
      stage.addDeadLetter({
        table: filterTable,
        record: { bytes: Buffer.from('x'), offset: 0, line: 1 },
        reject: { code: 'unknown_line', reason: 'r' },
      });
      throw new Error('the object broke off');
    });
    await expect(failing).rejects.toThrow('the object broke off');
    expect(await lake.receipt(header.batchId)).toBeUndefined();
    expect((await loadLines(lake, header, [filterLine(40)])).tables[0]?.rowsAdded).toBe(1);
  });

  it('commits many waiting batches in few transactions', async () => {
    const commits = async () => Number((await queryLake(settings, 'SELECT commits FROM fence'))[0]?.['commits']);
    const before = await commits();
    const receipts = await Promise.all(
      Array.from({ length: 40 }, (_, batch) =>
        loadLines(lake, objectHeader(`many-${batch}`), [filterLine(1000 + batch), filterLine(2000)]),
      ),
    );
    expect(receipts.reduce((sum, { tables: [table] }) => sum + (table?.rowsAdded ?? 0), 0)).toBe(41);
    expect((await commits()) - before).toBeLessThan(20);
  });

  it('lets a commit wait for small batches that are being filled, and not for large ones', async () => {
    const commits = async () => Number((await queryLake(settings, 'SELECT commits FROM fence'))[0]?.['commits']);
    const order: string[] = [];
    const slow = (name: string, sizeBytes: number, number: number, readMs: number) =>
      lake.load({ ...objectHeader(name), sizeBytes }, [filterTable], async (stage) => {
        order.push(`${name} begins`);
        await sleep(readMs);
        order.push(`${name} is read`);
        addLines(stage, [filterLine(number)]);
      });
    const beside = async (loading: Promise<unknown>, name: string, number: number) => {
      await vi.waitFor(() => expect(order.at(-1)).toMatch(/ begins$/));
      await loadLines(lake, objectHeader(name), [filterLine(number)]);
      order.push(`${name} is in`);
      await loading;
    };
    const before = await commits();
    await beside(slow('small', 1, 80_000, 600), 'beside-small', 80_001);
    expect((await commits()) - before).toBe(1);
    await beside(slow('large', 1 << 20, 80_002, 3000), 'beside-large', 80_003);
    expect(order.join(', ')).toBe(
      'small begins, small is read, beside-small is in, large begins, beside-large is in, large is read',
    );
  });

  it('knows all batches of a list, whatever the order of their ids', async () => {
    // code points order otherwise than UTF-16 does; DuckDB takes the bytes of UTF-8
    const headers = ['a', 'Ｚ', '🍜', 'zz', '"', "it's"].map((name) => objectHeader(`ids-${name}`));
    for (const [index, header] of headers.entries()) await loadLines(lake, header, [filterLine(70_000 + index)]);
    const ids = headers.map(({ batchId }) => batchId);
    expect(new Set((await lake.receipts(ids)).keys())).toEqual(new Set(ids));
    for (const pair of [ids.slice(1, 3), ids.slice(1, 3).toReversed()])
      expect((await lake.receipts(pair)).size).toBe(2);
    expect((await lake.receipts([])).size).toBe(0);
  });

  it('records a batch without records', async () => {
    const header = { ...objectHeader('gap'), kind: 'tap', pass: 'lost', coversFrom: 1, coversTo: 2 } as const;
    expect(await lake.load(header, [], async () => undefined)).toEqual({ batchId: header.batchId, tables: [] });
  });
});

describe('schema', () => {
  it('adds the columns that an older lake lacks and keeps its rows', async () => {
    const settings = sqliteLake(temporaryDirectory('schema'));
    const lake = await openLake(settings);
    await loadLines(lake, objectHeader('old'), [filterLine(1)]);
    await lake.close();
    await alterLake(settings, `ALTER TABLE lake.${filterTable} DROP COLUMN helo`);
    const newer = await openLake(settings);
    await loadLines(newer, objectHeader('new'), [filterLine(2)]);
    await newer.close();
    expect(await queryLake(settings, `SELECT sid, helo FROM ${filterTable} ORDER BY sid`)).toEqual([
      { sid: 'sid1', helo: null },
      { sid: 'sid2', helo: 'h2.example' },
    ]);
  });

  it('says that there is no lake yet to a reader that comes first', async () => {
    const settings = sqliteLake(temporaryDirectory('none'));
    await expect(queryLake(settings, 'SELECT 1')).rejects.toMatchObject({ code: 'lake.unavailable' });
  });

  it('refuses to write through a reader', async () => {
    const settings = sqliteLake(temporaryDirectory('reader'));
    await (await openLake(settings)).close();
    await expect(queryLake(settings, `DELETE FROM ${filterTable}`)).rejects.toMatchObject({ code: 'lake.query' });
  });

  it.each([
    'SELECT connection',
    'SELECT timeout FROM nowhere',
    "SELECT CAST('could not connect' AS INTEGER)",
    'SELECT "IO Error" FRM',
  ])('takes no word of a wrong statement for an outage: %s', async (sql) => {
    const settings = sqliteLake(temporaryDirectory('wrong'));
    await (await openLake(settings)).close();
    await expect(queryLake(settings, sql)).rejects.toMatchObject({ code: 'lake.query' });
  });
});
