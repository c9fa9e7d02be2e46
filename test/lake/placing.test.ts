import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { generateLogs } from '../../simulator/logs/generate.ts';
import { tables } from '../../tables/registry.ts';
import {
  addLines,
  filterLine,
  filterTable,
  loadLarge,
  loadLines,
  longLines,
  objectHeader,
  queryLake,
  sqliteLake,
} from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const placedFiles = ({ dataPath }: LakeSettings): string[] =>
  readdirSync(dataPath, { recursive: true })
    .map(String)
    .filter((file) => file.includes('/batch-'));

const events = (settings: LakeSettings) =>
  queryLake(
    settings,
    `SELECT * EXCLUDE (batch_id, ingested_at, source_ref, raw, extra), md5(raw) AS raw, extra::VARCHAR AS extra FROM ${filterTable} ORDER BY event_id`,
  );

/** What the files of each day hold that were written while a batch was read; `fewest`: the rows of the smallest. */
async function placedRows(settings: LakeSettings) {
  const rows = await queryLake(
    settings,
    `SELECT regexp_extract(filename, 'event_day=([0-9-]+)', 1) AS day, max(days) AS days, sum(rows)::INTEGER AS rows, min(rows) AS fewest
     FROM (
       SELECT filename, count(DISTINCT event_time::DATE)::INTEGER AS days, count(*)::INTEGER AS rows
       FROM read_parquet('${settings.dataPath}/**/batch-*.parquet', filename = true, hive_partitioning = false) GROUP BY filename)
     GROUP BY day ORDER BY day`,
  );
  return rows.map(({ day, days, rows: count, fewest }) => ({
    day: String(day),
    days: Number(days),
    rows: Number(count),
    fewest: Number(fewest),
  }));
}

const counts = async (settings: LakeSettings) =>
  (
    await queryLake(
      settings,
      `SELECT count(*)::INTEGER AS rows, count(DISTINCT event_id)::INTEGER AS ids FROM ${filterTable}`,
    )
  )[0];

describe('rows of a large batch', { timeout: 120_000 }, () => {
  it('are the same, written into files of the lake while the batch is read, as by any other way', async () => {
    const [settings, plain] = [sqliteLake(temporaryDirectory('placed')), sqliteLake(temporaryDirectory('plain'))];
    const lines = longLines(0, 2500);
    const lake = await openLake(settings);
    const receipt = await loadLarge(lake, objectHeader('large'), lines);
    await lake.close();
    expect(receipt.tables).toMatchObject([{ records: 2500, rows: 2500, rowsAdded: 2500 }]);
    expect(placedFiles(settings)).toHaveLength(6);

    const other = await openLake(plain);
    for (let from = 0; from < lines.length; from += 200)
      await loadLines(other, objectHeader(`small-${from}`), lines.slice(from, from + 200));
    await other.close();
    expect(placedFiles(plain)).toEqual([]);
    expect(await events(settings)).toEqual(await events(plain));
  });

  it('are added once, whatever of them the lake has already', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-again'));
    const lake = await openLake(settings);
    try {
      await loadLarge(lake, objectHeader('first'), longLines(0, 1200));
      const again = await loadLarge(lake, objectHeader('second'), longLines(500, 3500));
      expect(again.tables).toMatchObject([{ records: 3000, rows: 3000, rowsAdded: 2300 }]);
      expect(await counts(settings)).toEqual({ rows: 3500, ids: 3500 });
      const known = await loadLarge(lake, objectHeader('third'), longLines(0, 3500));
      expect(known.tables).toMatchObject([{ records: 3500, rows: 3500, rowsAdded: 0 }]);
      // one that was loaded is not loaded again
      expect((await loadLarge(lake, objectHeader('second'), longLines(500, 3500))).tables).toEqual(again.tables);
      expect(await counts(settings)).toEqual({ rows: 3500, ids: 3500 });
    } finally {
      await lake.close();
    }
  });

  it('are numbered where lines are identical, near each other and far apart', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-numbers'));
    const lake = await openLake(settings);
    try {
      const lines = longLines(0, 2000);
      const twins = [...lines.slice(0, 100), ...lines.slice(90, 2000), lines[5] ?? '', lines[5] ?? ''];
      await loadLarge(lake, objectHeader('twins'), twins);
      expect(await counts(settings)).toEqual({ rows: 2012, ids: 2012 });
      const numbers = await queryLake(
        settings,
        `SELECT substring(event_id, 33) AS number, count(*)::INTEGER AS rows FROM ${filterTable} GROUP BY number ORDER BY number`,
      );
      expect(numbers).toEqual([
        { number: '', rows: 2000 },
        { number: '-2', rows: 11 },
        { number: '-3', rows: 1 },
      ]);
      expect((await loadLines(lake, objectHeader('again'), twins)).tables).toMatchObject([{ rowsAdded: 0 }]);
    } finally {
      await lake.close();
    }
  });

  it('go into files of their own days, those around midnight and late ones, too', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-strays'));
    const lake = await openLake(settings);
    try {
      const days = ['01-29', '01-30', '01-31'];
      const lines = longLines(0, 3000).map((line, index) =>
        line.replace('01-31', (index % 100 === 7 ? '01-15' : undefined) ?? days[Math.floor(index / 1000)] ?? ''),
      );
      expect((await loadLarge(lake, objectHeader('strays'), lines)).tables).toMatchObject([{ rowsAdded: 3000 }]);
      expect(await counts(settings)).toEqual({ rows: 3000, ids: 3000 });
      const placed = await placedRows(settings);
      expect(placed.map(({ day }) => day)).toEqual(['2026-01-15', '2026-01-29', '2026-01-30', '2026-01-31']);
      expect(placed.every(({ days: held }) => held === 1)).toBe(true);
      // less than a megabyte of each day makes no file: 26 of these lines
      expect(placed.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(3000 - 4 * 26);
      expect(Math.min(...placed.map(({ fewest }) => fewest))).toBeGreaterThanOrEqual(26);
      const misplaced = await queryLake(
        settings,
        `SELECT count(*)::INTEGER AS rows FROM ${filterTable} WHERE event_day <> event_time::DATE OR event_day IS NULL`,
      );
      expect(misplaced).toEqual([{ rows: 0 }]);
    } finally {
      await lake.close();
    }
  });

  it('are staged where they are of other days than the eight that are gathered', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-days'));
    const lake = await openLake(settings);
    try {
      const lines = longLines(0, 1500).map((line, index) => line.replace('01-31', `01-${10 + (index % 20)}`));
      expect((await loadLarge(lake, objectHeader('days'), lines)).tables).toMatchObject([{ rowsAdded: 1500 }]);
      expect((await placedRows(settings)).map(({ day }) => day)).toEqual(
        Array.from({ length: 8 }, (_, index) => `2026-01-${10 + index}`),
      );
      expect(await counts(settings)).toEqual({ rows: 1500, ids: 1500 });
    } finally {
      await lake.close();
    }
  });

  it('go into files of their own days, however many days come after each other', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-weeks'));
    const lake = await openLake(settings);
    try {
      const lines = Array.from({ length: 12 * 1100 }, (_, index) =>
        `${filterLine(index)} note=${'y'.repeat(1000)}`.replace('01-31', `01-${10 + Math.floor(index / 1100)}`),
      );
      expect((await loadLarge(lake, objectHeader('weeks'), lines)).tables).toMatchObject([{ rowsAdded: 12 * 1100 }]);
      expect(await placedRows(settings)).toMatchObject(
        Array.from({ length: 12 }, (_, index) => ({ day: `2026-01-${10 + index}`, days: 1, rows: 1100 })),
      );
      expect(await counts(settings)).toEqual({ rows: 12 * 1100, ids: 12 * 1100 });
    } finally {
      await lake.close();
    }
  });

  it('are staged, too, in a lake whose path is a pattern', async () => {
    const settings = sqliteLake(join(temporaryDirectory('placed-odd'), 'lake [1]'));
    const lake = await openLake(settings);
    try {
      expect((await loadLarge(lake, objectHeader('odd'), longLines(0, 1000))).tables).toMatchObject([
        { rowsAdded: 1000 },
      ]);
      expect(placedFiles(settings)).toEqual([]);
    } finally {
      await lake.close();
    }
  });

  it('of records that have an identity of their own are one row each, in whatever file they come again', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-content'));
    const table = 'proofpoint_on_demand_message';
    const time = Date.parse('2026-01-31T05:00:00Z');
    const { objects } = generateLogs({
      seed: 'placing',
      tenant: 'acme',
      table,
      fromMs: time,
      toMs: time + 3_600_000,
      count: 1500,
    });
    const records = objects
      .flatMap((object) => object.records)
      .map((record) => JSON.stringify({ ...JSON.parse(record), padding: 'x'.repeat(20_000) }));
    const lake = await openLake(settings);
    try {
      const header = { ...objectHeader('messages'), sizeBytes: 1 << 30 };
      const { tables: counted } = await lake.load(header, [table], async (stage) => {
        for (const [index, record] of [...records, ...records.slice(0, 200)].entries()) {
          const { row } = tables[table].parse(
            { bytes: Buffer.from(record), offset: index, line: index + 1 },
            {
              tenantId: 'acme',
              batchId: header.batchId,
              uri: header.uri,
              fallbackTime: time * 1000,
              fallbackTimeSource: 'object',
              ingestedAt: 0,
            },
          );
          if (row !== undefined) stage.addRow(table, row);
          if (index % 50 === 0) await stage.ready();
        }
      });
      const [held] = await queryLake(
        settings,
        `SELECT count(*)::INTEGER AS rows, count(DISTINCT event_id)::INTEGER AS ids, count(DISTINCT raw)::INTEGER AS records FROM ${table}`,
      );
      expect(held).toEqual({ rows: records.length, ids: records.length, records: records.length });
      expect(counted).toMatchObject([{ rows: records.length + 200, rowsAdded: records.length }]);
      expect(placedFiles(settings).length).toBeGreaterThan(1);
    } finally {
      await lake.close();
    }
  });

  it('leave nothing when the batch cannot be read to its end', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-failed'));
    const lake = await openLake(settings);
    try {
      const broken = lake.load({ ...objectHeader('broken'), sizeBytes: 1 << 30 }, [filterTable], async (stage) => {
        for (let from = 0; from < 2000; from += 50) {
          addLines(stage, longLines(from, from + 50));
          await stage.ready();
        }
        expect(placedFiles(settings).length).toBeGreaterThan(0);
        throw new Error('the connection broke');
      });
      await expect(broken).rejects.toThrow('the connection broke');
      expect(placedFiles(settings)).toEqual([]);
      expect(await counts(settings)).toEqual({ rows: 0, ids: 0 });
    } finally {
      await lake.close();
    }
  });

  it('come from several batches at once, while others commit', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-race'));
    const [one, other] = [await openLake(settings), await openLake(settings)];
    try {
      const receipts = await Promise.all([
        ...[0, 1, 2, 3, 4].map((part) =>
          loadLarge(one, objectHeader(`large-${part}`), longLines(part * 1000, part * 1000 + 1200)),
        ),
        loadLarge(other, objectHeader('large-1'), longLines(1000, 2200)),
        ...Array.from({ length: 30 }, (_, index) =>
          loadLines(other, objectHeader(`small-${index}`), longLines(index * 100, index * 100 + 3)),
        ),
      ]);
      expect(receipts).toHaveLength(36);
      expect(await counts(settings)).toEqual({ rows: 5200, ids: 5200 });
      const added = await queryLake(
        settings,
        `SELECT sum(list_sum([c.rows_added FOR c IN counts]))::INTEGER AS added, count(*)::INTEGER AS batches FROM batches`,
      );
      expect(added).toEqual([{ added: 5200, batches: 35 }]);
    } finally {
      await one.close();
      await other.close();
    }
  });

  it('stay through maintenance, which removes files that no commit took', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-maintained'));
    const lake = await openLake(settings);
    await loadLarge(lake, objectHeader('first'), longLines(0, 1200));
    await loadLarge(lake, objectHeader('second'), longLines(1000, 2200));
    await lake.close();
    const before = await events(settings);
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    for (const file of placedFiles(settings)) utimesSync(join(settings.dataPath, file), twoDaysAgo, twoDaysAgo);
    // the first file of the second batch held rows that the lake had: its other rows were inserted
    expect(placedFiles(settings)).toHaveLength(6);
    // of another lake, say, whose path lies below this one's
    const foreign = join(settings.dataPath, 'other/main', filterTable, 'event_day=2026-01-31/batch-1.parquet');
    mkdirSync(dirname(foreign), { recursive: true });
    writeFileSync(foreign, 'PAR1');
    utimesSync(foreign, twoDaysAgo, twoDaysAgo);
    const { merged, leftoversDeleted } = await maintainLake(settings, { keepSeconds: 0 });
    expect(merged.find(({ table }) => table === filterTable)).toMatchObject({ filesAfter: 1 });
    expect(leftoversDeleted).toBe(1);
    expect(placedFiles(settings).map((file) => join(settings.dataPath, file))).toEqual([foreign]);
    expect(await events(settings)).toEqual(before);
  });

  it('go into a lake whose tables were partitioned otherwise, too', async () => {
    const settings = sqliteLake(temporaryDirectory('placed-older'));
    const lake = await openLake(settings);
    await loadLines(lake, objectHeader('small'), longLines(0, 10));
    await lake.close();
    const opened = await openLakeInstance(settings, { readOnly: false });
    const connection = await opened.connect();
    await connection.run(
      `ALTER TABLE lake.${filterTable} SET PARTITIONED BY (year(event_time), month(event_time), day(event_time))`,
    );
    await connection.run(`ALTER TABLE lake.${filterTable} DROP COLUMN event_day`);
    await connection.run(
      `INSERT INTO lake.${filterTable} SELECT * REPLACE (event_id || 'x' AS event_id) FROM lake.${filterTable}`,
    );
    connection.closeSync();
    opened.close();

    const newer = await openLake(settings);
    expect((await loadLarge(newer, objectHeader('large'), longLines(0, 1200))).tables).toMatchObject([
      { rowsAdded: 1190 },
    ]);
    await newer.close();
    expect(await counts(settings)).toEqual({ rows: 1210, ids: 1210 });
    await maintainLake(settings, { keepSeconds: 0 });
    expect(await counts(settings)).toEqual({ rows: 1210, ids: 1210 });
  });
});
