import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, openLake } from '../../lake/lake.ts';
import { smallBytesMax } from '../../lake/small-stage.ts';
import { addLines, filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const settings = sqliteLake(join(temporaryDirectory('small'), 'lake'));
let lake: Lake;
beforeAll(async () => {
  lake = await openLake(settings);
});
afterAll(() => lake.close());

const rowsOf = (tenant: string) =>
  queryLake(settings, `SELECT event_id, raw FROM ${filterTable} WHERE tenant_id = '${tenant}' ORDER BY ALL`);
const letters = (tenant: string) =>
  queryLake(
    settings,
    `SELECT dead_letter_id, source_ref.line FROM dead_letters WHERE tenant_id = '${tenant}' ORDER BY ALL`,
  );

describe('a small batch', { timeout: 120_000 }, () => {
  it('becomes the rows and letters that it would become as a large one, equal lines numbered', async () => {
    const lines = [filterLine(1), filterLine(2), filterLine(1), 'garbled', filterLine(1), 'garbled'];
    const receipts = [];
    for (const [tenant, sizeBytes] of [
      ['small', smallBytesMax],
      ['large', smallBytesMax + 1],
    ] as const) {
      const header = { ...objectHeader('equal.log', tenant), sizeBytes };
      const { tables } = await loadLines(lake, header, lines);
      receipts.push(tables);
      expect(tables).toEqual((await lake.receipt(header.batchId))?.tables);
    }
    expect(receipts[0]).toMatchObject([{ records: 6, rows: 4, rowsAdded: 4, deadLetters: 2 }]);
    expect(receipts[1]).toEqual(receipts[0]);
    expect(await rowsOf('small')).toHaveLength(4);
    expect(await rowsOf('small')).toEqual(await rowsOf('large'));
    expect(await letters('small')).toHaveLength(2);
    expect(await letters('small')).toEqual(await letters('large'));
  });

  it('is filled again elsewhere when its object had more in it than its size told', async () => {
    const header = { ...objectHeader('bomb.log', 'bomb'), sizeBytes: 1 };
    const lines = Array.from({ length: 1000 }, (_, index) => filterLine(index));
    let fills = 0;
    const { tables } = await lake.load(header, [filterTable], async (stage) => {
      fills += 1;
      addLines(stage, lines);
    });
    expect(fills).toBe(2);
    expect(tables).toMatchObject([{ records: 1000, rowsAdded: 1000 }]);
    expect(await rowsOf('bomb')).toHaveLength(1000);
  });

  it('is what a window may be, too, which does not tell its size', async () => {
    const window = (name: string) => ({ ...objectHeader(name, 'window'), kind: 'tap', sizeBytes: 0 }) as const;
    const fills: number[] = [];
    for (const count of [10, 1000]) {
      fills.push(0);
      const { tables } = await lake.load(window(`${count} lines`), [filterTable], async (stage) => {
        fills.push((fills.pop() ?? 0) + 1);
        addLines(
          stage,
          Array.from({ length: count }, (_, index) => filterLine(index)),
        );
      });
      expect(tables).toMatchObject([{ records: count }]);
    }
    expect(fills).toEqual([1, 2]);
    expect(await rowsOf('window')).toHaveLength(1000);
  });

  it('is refused when what is filled again holds less than the first time, with nothing of it in the lake', async () => {
    const lines = Array.from({ length: 2000 }, (_, number) => filterLine(number));
    let times = 0;
    const header = objectHeader('vanishing.log', 'vanishing');
    const loading = lake.load(header, [filterTable], async (stage) => {
      times += 1;
      addLines(stage, times === 1 ? lines : []);
    });
    await expect(loading).rejects.toThrow(/and then only 0/);
    expect(await rowsOf('vanishing')).toEqual([]);
    expect(await lake.receipt(header.batchId)).toBeUndefined();
  });

  it('is one batch when two attempts wait for the same commit, and adds nothing to what another commit brought', async () => {
    const header = (name: string) => objectHeader(name, 'twice');
    await loadLines(lake, header('known.log'), [filterLine(1)]);
    await Promise.all([
      // has the committer to itself, while the others wait
      loadLines(lake, header('first.log'), [filterLine(2)]),
      loadLines(lake, header('attempts.log'), [filterLine(3)]),
      loadLines(lake, header('attempts.log'), [filterLine(3)]),
      // the ledger has it: whatever is in it now
      loadLines(lake, header('known.log'), [filterLine(1), filterLine(4)]),
      loadLines(lake, { ...header('large.log'), sizeBytes: 1 << 20 }, [filterLine(5), filterLine(3)]),
    ]);
    const numbers = (await rowsOf('twice')).map(({ raw }) => /s=sid(\d+)/.exec(String(raw))?.[1]);
    expect(numbers.toSorted((a, b) => Number(a) - Number(b))).toEqual(['1', '2', '3', '5']);
    const sql = `SELECT count(*)::INTEGER AS batches, count(DISTINCT batch_id)::INTEGER AS ids FROM batches WHERE tenant_id = 'twice'`;
    expect(await queryLake(settings, sql)).toEqual([{ batches: 4, ids: 4 }]);
  });
});
