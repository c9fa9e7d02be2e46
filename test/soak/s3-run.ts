/** `npm run soak:s3`: a bucket of many keys that grows while it is read and workers are killed, compared with what was uploaded. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option } from 'commander';
import { countOption } from '../../scripts/commands/context.ts';
import { printJson, printText } from '../../scripts/output.ts';
import { runTool, tool } from '../../scripts/tool.ts';
import { runS3Soak } from './s3-scenario.ts';
import { faultsOf, soakSettings, summaryOf } from './s3-verdict.ts';

interface Options {
  readonly keys: number;
  readonly seed: string;
  readonly json?: true;
}

async function soak({ keys, seed, json }: Options): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ppi-soak-s3-'));
  const startedMs = Date.now();
  const say = (line: string) => {
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(0).padStart(6);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
  try {
    const outcome = await runS3Soak({ ...soakSettings(keys), seed, directory, say });
    const faults = faultsOf(outcome);
    if (json) printJson({ ...outcome, faults });
    else printText([...summaryOf(outcome), ...faults.map((fault) => `FAULT: ${fault}`)].join('\n'));
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await runTool(
  tool(
    'soak:s3',
    'a bucket that grows late and overwritten while it is read and workers are killed: is the lake exact?',
    '--keys 10000',
  )
    .addOption(new Option('--keys <count>', 'objects in the end, about').default(100_000).argParser(countOption))
    .addOption(new Option('--seed <text>', 'another one makes another bucket').default('s3'))
    .action(soak),
);
