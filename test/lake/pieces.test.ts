import { describe, expect, it } from 'vitest';
import { piecesOf } from '../../lake/insert-rows.ts';
import { openLake } from '../../lake/lake.ts';
import { recordBytesMax } from '../../sources/splitter.ts';
import { filterLine, filterTable, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const megabytes = (count: number) => count * 2 ** 20;

describe('the pieces in which rows are inserted', () => {
  it('take every row once, small tables together and large ones cut', () => {
    const staged = [
      { rowCount: 10, sizeBytes: megabytes(1) },
      { rowCount: 1000, sizeBytes: megabytes(100) },
      { rowCount: 1, sizeBytes: megabytes(64) },
      { rowCount: 5, sizeBytes: 0 },
      { rowCount: 5, sizeBytes: 10 },
    ];
    const pieces = piecesOf(staged);
    for (const [part, { rowCount }] of staged.entries()) {
      const slices = pieces.flat().filter((slice) => slice.part === part);
      let next = 0;
      for (const { from, to } of slices) {
        expect(from).toBe(next);
        next = to ?? rowCount;
      }
      expect(slices.at(-1)?.to).toBeUndefined();
      expect(next).toBe(rowCount);
    }
    expect(pieces.map((piece) => piece.map(({ part }) => part))).toEqual([
      [0],
      ...Array.from({ length: 7 }, () => [1]),
      [2],
      [3, 4],
    ]);
  });

  it('are one batch: the same rows and counts, and only what is new when a part is known', async () => {
    const settings = sqliteLake(temporaryDirectory('pieces'));
    const lake = await openLake(settings);
    // five pieces, by the length of the lines
    const lines = Array.from({ length: 2000 }, (_, index) => `${filterLine(index)} note="${'x'.repeat(40_000)}"`);
    const rows = async () =>
      (
        await queryLake(
          settings,
          `SELECT count(*)::INTEGER AS rows, count(DISTINCT event_id)::INTEGER AS ids FROM ${filterTable}`,
        )
      )[0];
    try {
      await loadLines(
        lake,
        objectHeader('first'),
        lines.filter((_, index) => index % 3 === 0),
      );
      expect(await rows()).toEqual({ rows: 667, ids: 667 });
      const receipt = await loadLines(lake, objectHeader('second'), lines);
      expect(receipt.tables).toMatchObject([{ records: 2000, rows: 2000, rowsAdded: 1333 }]);
      expect(await rows()).toEqual({ rows: 2000, ids: 2000 });
    } finally {
      await lake.close();
    }
  });

  it('have room for the longest records', async () => {
    const settings = { ...sqliteLake(temporaryDirectory('long-records')), memoryMegabytes: 256 };
    const lake = await openLake(settings);
    const longest = 'x'.repeat(recordBytesMax - 1000);
    try {
      const lines = [0, 1].map((index) => `${filterLine(index)} note="${longest}"`);
      const receipt = await loadLines(lake, objectHeader('long'), lines);
      expect(receipt.tables).toMatchObject([{ records: 2, rows: 2, rowsAdded: 2 }]);
      expect(
        await queryLake(settings, `SELECT min(strlen(raw)) > ${longest.length} AS whole FROM ${filterTable}`),
      ).toEqual([{ whole: true }]);
    } finally {
      await lake.close();
    }
  });
});
