import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import { type Lake, openLake } from '../../lake/lake.ts';
import { openRenewedLake } from '../../lake/renewed-lake.ts';
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

/** Each instance that is open has a directory of its own there. */
const instances = ({ spillDirectory }: LakeSettings) => readdirSync(spillDirectory);

const load = (lake: Lake, number: number) =>
  loadLines(lake, objectHeader(`object-${number}`), [filterLine(number), filterLine(1000)]);

async function loadMany(lake: Lake, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) await load(lake, number);
}

/** A batch that is being read until it is told to end. `sizeBytes`: of its object, as the listing gave it. */
function openLoad(lake: Lake, sizeBytes: number) {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const loaded = lake.load({ ...objectHeader(`open-${sizeBytes}`), sizeBytes }, [filterTable], async (stage) => {
    addLines(stage, [filterLine(2000 + sizeBytes)]);
    await ended;
  });
  return () => {
    end();
    return loaded;
  };
}

const soon = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

describe('what a worker remembers', () => {
  it('is nothing of the files that commits read, which are many and soon gone', async () => {
    const settings = sqliteLake(temporaryDirectory('remembered'));
    const lake = await openLake(settings);
    await loadMany(lake, 0, 3);
    await lake.close();
    const opened = await openLakeInstance(settings, { readOnly: false });
    const connection = await opened.connect();
    const read = await connection.runAndReadAll(`SELECT count(DISTINCT raw)::INTEGER FROM lake.${filterTable}`);
    const cached = await connection.runAndReadAll(
      `SELECT memory_usage_bytes::INTEGER FROM duckdb_memory() WHERE tag = 'EXTERNAL_FILE_CACHE'`,
    );
    connection.closeSync();
    opened.close();
    expect([read.getRows(), cached.getRows()]).toEqual([[[4]], [[0]]]);
  });
});

describe('a lake whose schema cannot be brought up to date', () => {
  it('leaves nothing open: it is tried again and again', async () => {
    const settings = sqliteLake(temporaryDirectory('stuck'));
    await (await openLake(settings)).close();
    await alterLake(settings, 'DROP TABLE lake.fence', 'CREATE VIEW lake.fence AS SELECT 0 AS other');
    await expect(openLake(settings)).rejects.toThrow(/fence/);
    expect(instances(settings)).toEqual([]);
  });
});

describe('a lake that is opened anew after five commits', () => {
  it('holds every row once, and ends what is under way where it began', async () => {
    const settings = sqliteLake(temporaryDirectory('renewed'));
    const lake = await openRenewedLake(settings, 5);
    const [first] = instances(settings);
    const end = openLoad(lake, 1);
    await loadMany(lake, 0, 4);
    expect(instances(settings)).toEqual([first]);
    await loadMany(lake, 4, 7);
    await soon(() => expect(instances(settings)).toHaveLength(2));
    expect(instances(settings)).toContain(first);
    await loadMany(lake, 7, 9);
    expect((await end()).tables).toMatchObject([{ rows: 1, rowsAdded: 1 }]);
    await soon(() => expect(instances(settings)).not.toContain(first));
    expect(instances(settings)).toHaveLength(1);

    expect((await load(lake, 2)).tables).toMatchObject([{ rows: 2 }]);
    await Promise.all(Array.from({ length: 40 }, (_, index) => load(lake, 5 + index)));
    await lake.close();
    expect(instances(settings)).toEqual([]);
    const counted = `SELECT count(*)::INTEGER AS rows, count(DISTINCT event_id)::INTEGER AS ids FROM ${filterTable}`;
    expect(await queryLake(settings, counted)).toEqual([{ rows: 47, ids: 47 }]);
    expect(await queryLake(settings, 'SELECT count(*)::INTEGER AS batches FROM batches')).toEqual([{ batches: 46 }]);
  });

  it('waits for large batches to end, but not for ever', async () => {
    const settings = sqliteLake(temporaryDirectory('renewed-large'));
    const lake = await openRenewedLake(settings, 5);
    const end = openLoad(lake, 1 << 30);
    await loadMany(lake, 0, 9);
    expect(instances(settings)).toHaveLength(1);
    await loadMany(lake, 9, 11);
    await soon(() => expect(instances(settings)).toHaveLength(2));
    expect((await end()).tables).toMatchObject([{ rowsAdded: 1 }]);
    await soon(() => expect(instances(settings)).toHaveLength(1));
    await lake.close();
  });

  it('goes on in the old instance where no other can be opened, and tries again', async () => {
    const settings = { ...sqliteLake(temporaryDirectory('renewed-failure')) };
    const { extensionDirectory } = settings;
    const lake = await openRenewedLake(settings, 5);
    const [first] = instances(settings);
    settings.extensionDirectory = '/nowhere';
    await loadMany(lake, 0, 8);
    await soon(() => expect(instances(settings)).toEqual([first]));
    settings.extensionDirectory = extensionDirectory;
    await loadMany(lake, 8, 10);
    await soon(() => expect(instances(settings)).not.toContain(first));
    await lake.close();
  });
});
