import { expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { filterLine, loadLarge, loadLines, longLines, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('is the same for files of large batches, of small ones, and of merged ones', { timeout: 120_000 }, async () => {
  const settings = sqliteLake(temporaryDirectory('file-format'));
  const format = () =>
    queryLake(
      settings,
      `SELECT compression, max(row_group_num_rows)::INTEGER AS rows, count(DISTINCT file_name)::INTEGER > 1 AS more
       FROM parquet_metadata('${settings.dataPath}/main/proofpoint_gateway_filter_logs/*/*.parquet') GROUP BY compression`,
    );
  const lake = await openLake(settings);
  await loadLarge(lake, objectHeader('large'), longLines(0, 1200));
  const lines = Array.from({ length: 40_000 }, (_, index) => filterLine(10_000 + index));
  for (let from = 0; from < lines.length; from += 10_000)
    await loadLines(lake, objectHeader(`small-${from}`), lines.slice(from, from + 10_000));
  await lake.close();
  expect(await format()).toEqual([{ compression: 'ZSTD', rows: 10_000, more: true }]);
  await maintainLake(settings, { keepSeconds: 0 });
  const [merged, ...others] = await format();
  expect(others).toEqual([]);
  expect(merged).toMatchObject({ compression: 'ZSTD', more: false });
  // a group is closed when enough chunks have come; by itself DuckDB puts all of these rows into one
  expect(merged?.['rows']).toBeGreaterThan(10_000);
  expect(merged?.['rows']).toBeLessThanOrEqual(16_384 + 2 * 2048);
});
