import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LakeSettings } from '../../lake/connection.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import type { Table } from '../../tables/table.ts';
import { addLines, filterLine, filterTable, loadLines, objectHeader, sqliteLake, today } from '../support/lake.ts';
import { createPostgresLake } from '../support/postgres-lake.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A parser of yesterday that knew no `helo` and took lines of `sid7…` for garbled. */
const yesterday: Table['parse'] = (record, origin) => {
  const parsed = today(record, origin);
  if (parsed.row === undefined) return parsed;
  if (String(parsed.row['sid']).startsWith('sid7')) return { reject: { code: 'unknown_line', reason: 'too new' } };
  const extra = new Map([...(parsed.row['extra'] as Map<string, string>), ['helo', String(parsed.row['helo'])]]);
  return { row: { ...parsed.row, helo: null, extra } };
};

const directory = temporaryDirectory('replace');

describe.each(['SQLite', 'Postgres'] as const)('a batch parsed again, on a %s catalog', (catalog) => {
  let lake: Lake;
  let reader: LakeReader;
  let closePostgres: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    let settings: LakeSettings = sqliteLake(join(directory, catalog));
    if (catalog === 'Postgres') {
      const postgres = await startPostgres({ dataDir: join(directory, 'postgres') });
      closePostgres = () => postgres.close();
      ({ settings } = await createPostgresLake(postgres, directory));
    }
    lake = await openLake(settings);
    reader = await openLakeReader(settings);
  }, 60_000);
  afterAll(async () => {
    reader.close();
    await lake.close();
    await closePostgres();
  });

  const query = async (sql: string) => (await reader.query(sql)).rows;
  const replace = (
    name: string,
    lines: readonly string[],
    options: { dryRun?: boolean; parse?: Table['parse'] } = {},
  ) =>
    lake.replace(objectHeader(name), [filterTable], async (stage) => addLines(stage, lines, options.parse), {
      dryRun: options.dryRun ?? false,
    });
  const rowsOf = (name: string) =>
    query(`
      SELECT * EXCLUDE (ingested_at) FROM ${filterTable} WHERE batch_id = '${objectHeader(name).batchId}' ORDER BY event_id`);
  const commits = async () => (await query('SELECT commits FROM fence'))[0]?.['commits'];
  const countsOf = async (name: string) =>
    (
      await query(
        `SELECT c.* FROM (SELECT unnest(counts) AS c FROM batches WHERE batch_id = '${objectHeader(name).batchId}')`,
      )
    )[0];

  it('is left alone, to the byte and the commit, where nothing changed', async () => {
    const lines = [filterLine(1), filterLine(1), filterLine(2), 'garbled'];
    await loadLines(lake, objectHeader('same'), lines);
    const [rows, ingested, before] = [
      await rowsOf('same'),
      await query(`SELECT max(ingested_at) AS t FROM ${filterTable}`),
      await commits(),
    ];
    expect(await replace('same', lines)).toEqual({
      records: 4,
      rowsKept: 3,
      rowsChanged: 0,
      rowsAdded: 0,
      rowsRemoved: 0,
      lettersResolved: 0,
      lettersAdded: 0,
    });
    expect(await rowsOf('same')).toEqual(rows);
    expect(await query(`SELECT max(ingested_at) AS t FROM ${filterTable}`)).toEqual(ingested);
    expect(await commits()).toBe(before);
  });

  it('gets the columns that the parser learned, the rows that were letters, and nothing twice', async () => {
    const lines = [filterLine(10), filterLine(70), filterLine(70), filterLine(11), 'garbled too'];
    await loadLines(lake, objectHeader('learned'), lines, yesterday);
    expect(await countsOf('learned')).toMatchObject({ records: '5', rows: '2', dead_letters: '3' });
    const told = await replace('learned', lines, { dryRun: true });
    expect(told).toEqual({
      records: 5,
      rowsKept: 0,
      rowsChanged: 2,
      rowsAdded: 2,
      rowsRemoved: 0,
      lettersResolved: 2,
      lettersAdded: 0,
    });
    expect(await countsOf('learned')).toMatchObject({ rows: '2', dead_letters: '3' });
    expect(await replace('learned', lines)).toEqual(told);
    await loadLines(lake, objectHeader('asnew', 'other'), lines);
    const compared = (tenant: string) =>
      query(`
        SELECT * EXCLUDE (tenant_id, ingested_at, batch_id, source_ref), source_ref.line FROM ${filterTable}
        WHERE tenant_id = '${tenant}' AND sid IN ('sid10', 'sid70', 'sid11') ORDER BY event_id`);
    expect(await compared('acme')).toHaveLength(4);
    expect(await compared('acme')).toEqual(await compared('other'));
    expect(await countsOf('learned')).toMatchObject({ records: '5', rows: '4', rows_added: '4', dead_letters: '1' });
    expect(
      await query(
        `SELECT reason, resolved_batch, resolved_at > failed_at AS later FROM dead_letters WHERE batch_id LIKE '%learned%' ORDER BY ALL`,
      ),
    ).toEqual([
      { reason: expect.stringContaining('header'), resolved_batch: null, later: null },
      { reason: 'too new', resolved_batch: objectHeader('learned').batchId, later: true },
      { reason: 'too new', resolved_batch: objectHeader('learned').batchId, later: true },
    ]);
    expect(await replace('learned', lines)).toMatchObject({ rowsKept: 4, rowsChanged: 0, lettersResolved: 0 });
  });

  it('does not take an event from the batch that brought it, nor double it, even where its time is read otherwise now', async () => {
    const late: Table['parse'] = (record, origin) => {
      const { row, ...rest } = today(record, origin);
      if (row === undefined) return { ...rest } as ReturnType<Table['parse']>;
      return { row: { ...row, event_time: Number(row['event_time']) + 40 * 86_400_000_000 } };
    };
    await loadLines(lake, objectHeader('first'), [filterLine(20)]);
    await loadLines(lake, objectHeader('second'), [filterLine(20), filterLine(21)]);
    expect(await replace('second', [filterLine(20), filterLine(21)], { parse: late })).toMatchObject({
      rowsKept: 0,
      rowsChanged: 1,
      rowsAdded: 0,
    });
    expect(
      await query(`SELECT sid, batch_id FROM ${filterTable} WHERE sid IN ('sid20', 'sid21') ORDER BY sid`),
    ).toEqual([
      { sid: 'sid20', batch_id: objectHeader('first').batchId },
      { sid: 'sid21', batch_id: objectHeader('second').batchId },
    ]);
    expect(await countsOf('second')).toMatchObject({ records: '2', rows: '2', rows_added: '1' });
  });

  it('keeps of a changed row when it came: it is no later word on its event now', async () => {
    const lines = [filterLine(50), filterLine(72)];
    await loadLines(lake, objectHeader('came'), lines, yesterday);
    const came = async () =>
      query(
        `SELECT sid, ingested_at FROM ${filterTable} WHERE batch_id = '${objectHeader('came').batchId}' ORDER BY sid`,
      );
    const [before] = await came();
    expect(await replace('came', lines)).toMatchObject({ rowsChanged: 1, rowsAdded: 1 });
    const [changed, added] = await came();
    expect(changed).toEqual(before);
    expect(String(added?.['ingested_at']) > String(before?.['ingested_at'])).toBe(true);
  });

  it('writes the zone in which it is read now into the ledger, even where no row differs', async () => {
    await loadLines(lake, objectHeader('zoned'), [filterLine(60)]);
    const zone = async () =>
      (await query(`SELECT timezone FROM batches WHERE batch_id = '${objectHeader('zoned').batchId}'`))[0]?.[
        'timezone'
      ];
    for (const timezone of ['America/New_York', undefined]) {
      const options = { dryRun: true };
      const again = async () =>
        lake.replace(
          { ...objectHeader('zoned'), timezone },
          [filterTable],
          async (stage) => addLines(stage, [filterLine(60)]),
          options,
        );
      const [before, wasZone] = [await commits(), await zone()];
      expect(await again()).toMatchObject({ rowsKept: 1, rowsChanged: 0 });
      expect(await zone()).toBe(wasZone);
      options.dryRun = false;
      await again();
      expect(await zone()).toBe(timezone ?? null);
      await again();
      expect(await commits()).toBe(String(Number(before) + 1));
    }
    expect(await countsOf('zoned')).toMatchObject({ rows: '1', rows_added: '1' });
  });

  it('gives up an event that moves to another time, where another batch has it as well', async () => {
    const [timezone, lines] = [
      'America/New_York',
      [80, 81, 82].map((number) => filterLine(number).replace('+00:00', '')),
    ];
    const there: Table['parse'] = (record, origin) => today(record, { ...origin, timeZone: timezone });
    const other = { ...objectHeader('doubles-2'), sourceId: 'elsewhere', timezone };
    await loadLines(lake, objectHeader('doubles-1'), lines);
    await loadLines(lake, other, lines.slice(1), there);
    const found = () =>
      query(`
        SELECT sid, hour(event_time)::INTEGER AS hour, batch_id FROM ${filterTable} WHERE sid IN ('sid80', 'sid81', 'sid82') ORDER BY ALL`);
    expect(await found()).toHaveLength(5);
    const again = () =>
      lake.replace(
        { ...objectHeader('doubles-1'), timezone },
        [filterTable],
        async (stage) => addLines(stage, lines, there),
        { dryRun: false },
      );
    expect(await again()).toMatchObject({ rowsKept: 0, rowsChanged: 1, rowsAdded: 0, rowsRemoved: 2 });
    const healed = [
      { sid: 'sid80', hour: 10, batch_id: objectHeader('doubles-1').batchId },
      { sid: 'sid81', hour: 10, batch_id: other.batchId },
      { sid: 'sid82', hour: 10, batch_id: other.batchId },
    ];
    expect(await found()).toEqual(healed);
    expect(await countsOf('doubles-1')).toMatchObject({ records: '3', rows: '3', rows_added: '1' });
    expect(await again()).toMatchObject({ rowsKept: 1, rowsChanged: 0, rowsAdded: 0, rowsRemoved: 0 });
    expect(await found()).toEqual(healed);
  });

  it('opens a letter again whose record fails again, and removes its row', async () => {
    await loadLines(lake, objectHeader('regress'), [filterLine(71)], yesterday);
    await replace('regress', [filterLine(71)]);
    expect(await replace('regress', [filterLine(71)], { parse: yesterday })).toMatchObject({
      rowsRemoved: 1,
      lettersAdded: 1,
    });
    expect(await rowsOf('regress')).toEqual([]);
    expect(await query(`SELECT resolved_at, resolved_batch FROM dead_letters WHERE batch_id LIKE '%regress%'`)).toEqual(
      [{ resolved_at: null, resolved_batch: null }],
    );
    expect(await countsOf('regress')).toMatchObject({ records: '1', rows: '0', dead_letters: '1' });
  });

  it('takes its drift with it', async () => {
    const path = async () =>
      query(`SELECT path, occurrences FROM drift WHERE batch_id = '${objectHeader('drifts').batchId}' ORDER BY path`);
    const line = `${filterLine(30)} newkey=1`;
    await loadLines(lake, objectHeader('drifts'), [line, line], (record, origin) => {
      const parsed = yesterday(record, origin);
      if (parsed.row === undefined) return parsed;
      const extra = new Map([...(parsed.row['extra'] as Map<string, string>), ['second', 'x']]);
      return { row: { ...parsed.row, extra } };
    });
    expect(await path()).toEqual([
      { path: 'newkey', occurrences: '2' },
      { path: 'second', occurrences: '2' },
    ]);
    await replace('drifts', [line, line]);
    expect(await path()).toEqual([{ path: 'newkey', occurrences: '2' }]);
  });

  it('is refused where it was read for another table', async () => {
    await loadLines(lake, objectHeader('moved'), [filterLine(40)]);
    const moved = lake.replace(objectHeader('moved'), ['proofpoint_gateway_sendmail_logs'], async () => undefined, {
      dryRun: false,
    });
    await expect(moved).rejects.toMatchObject({ code: 'config.invalid' });
    expect(await rowsOf('moved')).toHaveLength(1);
  });

  it('leaves the ledger and the lake in agreement', async () => {
    const [sums] = await query(`
      SELECT (SELECT sum(c.rows_added)::INTEGER FROM (SELECT unnest(counts) AS c FROM batches)) AS ledger,
        (SELECT count(*)::INTEGER FROM ${filterTable}) AS rows,
        (SELECT bool_and(c.records = c.rows + c.dead_letters) FROM (SELECT unnest(counts) AS c FROM batches)) AS whole`);
    expect(sums?.['ledger']).toBe(sums?.['rows']);
    expect(sums?.['whole']).toBe(true);
  });
});
