import { describe, expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { filterLine, loadLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('many batches at once', { timeout: 120_000 }, () => {
  it('fit into little memory, because those that are staged wait for each other', async () => {
    const settings = { ...sqliteLake(temporaryDirectory('many-stages')), memoryMegabytes: 128 };
    const lake = await openLake(settings);
    try {
      const receipts = await Promise.all(
        Array.from({ length: 120 }, (_, index) => {
          const lines = Array.from({ length: 500 }, (_line, line) => filterLine(index * 500 + line));
          return loadLines(lake, { ...objectHeader(`many-${index}`), sizeBytes: 1 << 20 }, lines);
        }),
      );
      expect(receipts.every(({ tables }) => tables[0]?.rowsAdded === 500)).toBe(true);
      expect(await queryLake(settings, 'SELECT count(*)::INTEGER AS rows FROM proofpoint_gateway_filter_logs')).toEqual(
        [{ rows: 60_000 }],
      );
    } finally {
      await lake.close();
    }
  });
});
