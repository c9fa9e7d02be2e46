/** Two committers load the same batches at the same time; prints what the lake holds then. Run as a process: see race.test.ts. */
import type { LakeSettings } from '../../lake/connection.ts';
import { openLake } from '../../lake/lake.ts';
import { filterLine, filterTable, loadLines, objectHeader, queryLake } from './lake.ts';

const settings = JSON.parse(process.argv[2] ?? '') as LakeSettings;
const rounds = 8;

const lakes = [await openLake(settings), await openLake(settings)] as const;
for (let round = 0; round < rounds; round += 1) {
  const lines = Array.from({ length: 20 }, (_, index) => filterLine(round * 100 + index));
  await Promise.all(
    lakes.map((lake) => loadLines(lake, objectHeader(`round-${round}`), [...lines, `garbled ${round}`])),
  );
}
for (const lake of lakes) await lake.close();

const [held] = await queryLake(
  settings,
  `SELECT (SELECT count(*)::INTEGER FROM ${filterTable}) AS rows, (SELECT count(*)::INTEGER FROM dead_letters) AS deadLetters,
    (SELECT count(*)::INTEGER FROM batches) AS batches, ${rounds} AS rounds`,
);
process.stdout.write(JSON.stringify(held));
