import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LetterFilter } from '../../lake/dead-letters.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import type { Table } from '../../tables/table.ts';
import { filterLine, filterTable, loadLines, objectHeader, sqliteLake, today } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A parser of yesterday that knew none of these lines. */
const yesterday: Table['parse'] = () => ({ reject: { code: 'unknown_line', reason: 'too new' } });

describe('dead letters', () => {
  const settings = sqliteLake(temporaryDirectory('letters'));
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

  const query = async (sql: string) => (await reader.query(sql)).rows;
  const read = (tenantId: string, filter: LetterFilter = {}, after = '', limit = 1000) =>
    lake.readLetters({ tenantId, filter, after, limit });

  async function solved(tenantId: string, filter: LetterFilter = {}) {
    return (await read(tenantId, filter)).flatMap((letter) => {
      const { batchId, uri, fallbackTime, record } = letter;
      const origin = { tenantId, batchId, uri, fallbackTime, fallbackTimeSource: 'object', ingestedAt: 5 } as const;
      const { row } = today(record, origin);
      return row === undefined ? [] : [{ letter, table: letter.table, row }];
    });
  }

  it('become the rows that their batch would give today, once, and the counts of the batch follow', async () => {
    const lines = [filterLine(1), filterLine(2), filterLine(2), 'garbled', `${filterLine(3)} newkey=1`];
    await loadLines(lake, objectHeader('old', 'acme'), lines, yesterday);
    const page = await solved('acme');
    expect(page).toHaveLength(4);
    expect(await lake.resolveLetters('acme', page)).toBe(true);
    await loadLines(lake, objectHeader('old', 'fresh'), lines);
    const rows = (tenant: string) =>
      query(`
        SELECT * EXCLUDE (tenant_id, batch_id, ingested_at) FROM ${filterTable} WHERE tenant_id = '${tenant}' ORDER BY event_id`);
    expect(await rows('acme')).toEqual(await rows('fresh'));
    expect(await rows('acme')).toHaveLength(4);
    const ledger = (tenant: string) => query(`SELECT counts FROM batches WHERE tenant_id = '${tenant}'`);
    expect(await ledger('acme')).toEqual(await ledger('fresh'));
    const drift = (tenant: string) =>
      query(`SELECT source_id, path, kind, occurrences FROM drift WHERE tenant_id = '${tenant}' ORDER BY path`);
    expect(await drift('acme')).toEqual(await drift('fresh'));
    expect(
      await query(
        `SELECT resolved_batch, count(*)::INTEGER AS n FROM dead_letters WHERE tenant_id = 'acme' GROUP BY ALL ORDER BY n`,
      ),
    ).toEqual([
      { resolved_batch: null, n: 1 },
      { resolved_batch: objectHeader('old', 'acme').batchId, n: 4 },
    ]);
    expect(await lake.resolveLetters('acme', page)).toBe(false);
    expect(await solved('acme')).toEqual([]);
    expect(await rows('acme')).toHaveLength(4);
  });

  it('are resolved by the row that a later batch brought, without a second one', async () => {
    await loadLines(lake, objectHeader('early', 'twice'), [filterLine(10)], yesterday);
    await loadLines(lake, objectHeader('late', 'twice'), [filterLine(10)]);
    expect(await lake.resolveLetters('twice', await solved('twice'))).toBe(true);
    expect(await query(`SELECT batch_id FROM ${filterTable} WHERE tenant_id = 'twice'`)).toEqual([
      { batch_id: objectHeader('late', 'twice').batchId },
    ]);
    expect(await query(`SELECT resolved_batch FROM dead_letters WHERE tenant_id = 'twice'`)).toEqual([
      { resolved_batch: objectHeader('late', 'twice').batchId },
    ]);
    expect(
      await query(`SELECT c.rows, c.rows_added, c.dead_letters
        FROM (SELECT unnest(counts) AS c FROM batches WHERE batch_id = '${objectHeader('early', 'twice').batchId}')`),
    ).toEqual([{ rows: '1', rows_added: '0', dead_letters: '0' }]);
  });

  it('move all or not at all, whoever else replays them at the same time', async () => {
    const lines = Array.from({ length: 50 }, (_, index) => filterLine(100 + index));
    await loadLines(lake, objectHeader('raced', 'raced'), lines, yesterday);
    const other = await openLake(settings);
    const page = await solved('raced');
    const outcomes = await Promise.all([
      lake.resolveLetters('raced', page),
      other.resolveLetters('raced', page.slice(10)),
      lake.resolveLetters('raced', page),
    ]);
    await other.close();
    expect(outcomes).toContain(false);
    while ((await solved('raced')).length > 0) await lake.resolveLetters('raced', await solved('raced'));
    expect(
      await query(
        `SELECT count(*)::INTEGER AS n, count(DISTINCT event_id)::INTEGER AS ids FROM ${filterTable} WHERE tenant_id = 'raced'`,
      ),
    ).toEqual([{ n: 50, ids: 50 }]);
    expect(await query(`SELECT counts[1].rows_added AS n FROM batches WHERE tenant_id = 'raced'`)).toEqual([
      { n: '50' },
    ]);
  });

  it('are read by filter and page, and those that do not hold their record are left out', async () => {
    await loadLines(lake, objectHeader('a', 'paged'), ['x1', 'x2', 'x3']);
    await lake.load(objectHeader('b', 'paged'), [filterTable], async (stage) => {
      for (const code of ['corrupt_object', 'too_large', 'invalid_csv'] as const)
        stage.addDeadLetter({
          table: filterTable,
          record: { bytes: Buffer.from(code), offset: 0, line: 1 },
          reject: { code, reason: 'r' },
        });
    });
    const [first, ...others] = await read('paged');
    expect(others).toHaveLength(2);
    expect(first).toMatchObject({
      batchKind: 's3',
      batchTables: [filterTable],
      sourceId: 'filter',
      fallbackTime: objectHeader('a').fallbackTime,
    });
    expect(Buffer.from(first?.record.bytes ?? []).toString()).toMatch(/^x[123]$/);
    expect(await read('paged', {}, first?.letterId, 1)).toEqual([others[0]]);
    expect(await read('paged', { sourceId: 'tap' })).toEqual([]);
    expect(await read('paged', { code: "unknown_line' OR true --" })).toEqual([]);
    expect(
      await read('paged', { code: 'unknown_line', table: filterTable, from: '2020-01-01T00:00:00Z' }),
    ).toHaveLength(3);
    expect(await read('paged', { to: '2020-01-01T00:00:00Z' })).toEqual([]);
    expect(await read('nobody')).toEqual([]);
  });

  it('come in pages of bounded size', async () => {
    const big = Array.from({ length: 5 }, (_, index) => String(index).padEnd(10 << 20, '.'));
    await loadLines(lake, objectHeader('big', 'big'), big);
    const page = await read('big');
    expect(page).toHaveLength(3);
    expect(await read('big', {}, page.at(-1)?.letterId)).toHaveLength(2);
  });
});
