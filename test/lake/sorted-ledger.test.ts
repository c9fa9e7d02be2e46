import { describe, expect, it } from 'vitest';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { idRanges } from '../../lake/ledger.ts';
import { maintainLake } from '../../lake/maintenance.ts';
import { alterLake, filterLine, loadLines, objectHeader, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** The ids of the batches in the order in which each file of the ledger has them. */
async function ledgerFiles(settings: LakeSettings): Promise<string[][]> {
  const opened = await openLakeInstance(settings, { readOnly: true });
  try {
    const connection = await opened.connect();
    const listed = await connection.runAndReadAll(`SELECT data_file FROM ducklake_list_files('lake', 'batches')`);
    const files: string[][] = [];
    for (const [file] of listed.getRows()) {
      const read = await connection.runAndReadAll(`SELECT batch_id FROM read_parquet('${String(file)}')`);
      files.push(read.getRows().map(([id]) => String(id)));
    }
    return files;
  } finally {
    opened.close();
  }
}

async function loadAll(settings: LakeSettings, names: readonly string[]): Promise<void> {
  const lake = await openLake(settings);
  for (const [index, name] of names.entries())
    await loadLines(lake, objectHeader(name, index % 2 === 0 ? 'zeta' : 'acme'), [filterLine(index)]);
  await lake.close();
}

const sorted = (files: readonly string[][]) => files.map((ids) => ids.toSorted());

describe('the ids of a question to the ledger', () => {
  it('are a range for each source, in the order of their bytes', () => {
    expect(idRanges([])).toEqual([[]]);
    expect(idRanges(['zeta/tap/tap/2', 'acme/filter/s3/🍜', 'zeta/tap/tap/1', 'acme/filter/s3/Ｚ'])).toEqual([
      ['acme/filter/s3/Ｚ', 'acme/filter/s3/🍜'],
      ['zeta/tap/tap/1', 'zeta/tap/tap/2'],
    ]);
  });

  it('are one range where many sources are asked for', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'].map((tenant) => `${tenant}/tap/tap/1`);
    expect(idRanges(ids.toReversed())).toEqual([ids]);
    expect(idRanges(ids.slice(0, 4))).toEqual(ids.slice(0, 4).map((id) => [id]));
  });
});

describe('the ledger', () => {
  it('has the batches of all tenants in the order of their ids in files that were merged', async () => {
    const settings = sqliteLake(temporaryDirectory('sorted'));
    await loadAll(settings, ['m', 'c', 'x', 'a', 'k']);
    await maintainLake(settings, { keepSeconds: 3600 });
    const files = await ledgerFiles(settings);
    expect(files.map(({ length }) => length)).toEqual([5]);
    expect(files).toEqual(sorted(files));
    const lake = await openLake(settings);
    const ids = new Set(files[0]);
    expect(new Set((await lake.receipts([...ids, 'acme/filter/s3/logs/none@etag'])).keys())).toEqual(ids);
    await lake.close();
  });

  it('is sorted from then on where an older version made it', async () => {
    const settings = sqliteLake(temporaryDirectory('sorted-later'));
    await (await openLake(settings)).close();
    await alterLake(settings, 'ALTER TABLE lake.batches RESET SORTED BY', 'COMMENT ON TABLE lake.batches IS NULL');
    await loadAll(settings, ['m', 'c', 'x', 'a', 'k']);
    await maintainLake(settings, { keepSeconds: 3600 });
    const files = await ledgerFiles(settings);
    expect(files.map(({ length }) => length)).toEqual([5]);
    expect(files).toEqual(sorted(files));
  });
});
