/** `npm run fuzz [-- RECORDS [SEED]]`: that many mutated records for every table (default 1,000,000), and two long ones of each kind. */
import { tables } from '../tables/registry.ts';
import { fuzz, slowerThanLinear } from './fuzz/run.ts';

const records = Number(process.argv[2] ?? 1_000_000);
const seed = process.argv[3] ?? '1';
let isGood = true;

for (const table of Object.values(tables)) {
  const startMs = performance.now();
  const { rows, rejects, wrong } = fuzz(table, { records, seed });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const slow = slowerThanLinear(table);
  console.log(
    `${table.name}: ${rows} rows, ${rejects} rejects, ${wrong.length} wrong, ${slow.length} not linear, ${seconds} s`,
  );
  for (const line of [...wrong, ...slow]) console.log(`  ${line}`);
  if (wrong.length > 0 || slow.length > 0) isGood = false;
}
process.exitCode = isGood ? 0 : 1;
