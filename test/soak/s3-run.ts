/**
 * `npm run soak:s3`: a bucket of many keys that grows while it is read and workers are killed, compared with what was uploaded.
 *
 *     npm run soak:s3 -- [--keys 100000] [--seed s3] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runS3Soak } from './s3-scenario.ts';
import { faultsOf, soakSettings, summaryOf } from './s3-verdict.ts';

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '100000' },
    seed: { type: 'string', default: 's3' },
    json: { type: 'boolean', default: false },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'ppi-soak-s3-'));
try {
  const startedMs = Date.now();
  const say = (line: string) => console.error(`${((Date.now() - startedMs) / 1000).toFixed(0).padStart(6)} s  ${line}`);
  const outcome = await runS3Soak({ ...soakSettings(Number(options.keys)), seed: options.seed, directory, say });
  const faults = faultsOf(outcome);
  if (options.json) console.log(JSON.stringify({ ...outcome, faults }));
  else console.log([...summaryOf(outcome), ...faults.map((fault) => `FAULT: ${fault}`)].join('\n'));
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
