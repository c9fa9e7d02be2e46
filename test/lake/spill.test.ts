import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { openSpill } from '../../lake/spill.ts';
import { addLines, filterLine, filterTable, objectHeader, queryLake, sqliteLake } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('openSpill', () => {
  it('gives each caller a directory of its own, and removes what killed processes left', () => {
    const root = temporaryDirectory('spill');
    const { pid: dead } = spawnSync('true');
    const leave = (name: string) => {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'duckdb_temp_storage_DEFAULT-0.tmp'), 'rows');
      return join(root, name);
    };
    const ofDead = leave(`process-${hostname()}-${dead}-abcdef`);
    const ofEarlierSelf = leave(`process-${hostname()}-${process.pid}-abcdef`);
    const ofAlive = leave(`process-${hostname()}-${process.ppid}-abcdef`);
    const ofOther = leave('process-other-host-1-abcdef');
    const ofOtherLongAgo = leave('process-other-host-2-abcdef');
    const longAgo = new Date(Date.now() - 8 * 86_400_000);
    utimesSync(ofOtherLongAgo, longAgo, longAgo);
    const foreign = leave('download');

    const [one, other] = [openSpill(root), openSpill(root)];
    expect(one.directory).not.toBe(other.directory);
    expect([one.directory, other.directory, ofAlive, ofOther, foreign].every((path) => existsSync(path))).toBe(true);
    expect([ofDead, ofEarlierSelf, ofOtherLongAgo].some((path) => existsSync(path))).toBe(false);
    one.remove();
    expect([existsSync(one.directory), existsSync(other.directory)]).toEqual([false, true]);
    other.remove();
  });
});

describe('two lakes of one machine', { timeout: 180_000 }, () => {
  it('load at once what fits into the memory of neither', async () => {
    const settings = { ...sqliteLake(temporaryDirectory('spilling')), memoryMegabytes: 256 };
    const lakes = [await openLake(settings), await openLake(settings)];
    const padding = 'x'.repeat(4000);
    let spilled = 0;
    const loads = lakes.map(async (lake, index) => {
      const header = { ...objectHeader(`large-${index}.log`, `tenant-${index}`), sizeBytes: 1 << 30 };
      await lake.load(header, [filterTable], async (stage) => {
        for (let part = 0; part < 150; part += 1) {
          const lines = Array.from({ length: 500 }, (_, line) => `${filterLine(part * 500 + line)} note=${padding}`);
          addLines(stage, lines);
          // both fill by turns
          await new Promise((resolve) => setImmediate(resolve));
        }
        const files = readdirSync(settings.spillDirectory, { recursive: true, encoding: 'utf8' });
        spilled += files.filter((file) => file.includes('duckdb_temp_storage')).length;
      });
    });
    await Promise.all(loads);
    await Promise.all(lakes.map((lake) => lake.close()));
    // otherwise the test shows nothing
    expect(spilled).toBeGreaterThan(0);
    expect(readdirSync(settings.spillDirectory)).toEqual([]);
    const sql = `SELECT tenant_id, count(*)::INTEGER AS n, count(DISTINCT hash(raw))::INTEGER AS different FROM ${filterTable} GROUP BY ALL ORDER BY ALL`;
    expect(await queryLake({ ...settings, memoryMegabytes: 1024 }, sql)).toEqual([
      { tenant_id: 'tenant-0', n: 75_000, different: 75_000 },
      { tenant_id: 'tenant-1', n: 75_000, different: 75_000 },
    ]);
  });
});
