/** `npm test`: everything that must hold, in one run that goes on to the end and closes with `N passed, N failed`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestOutcome } from './test-outcome.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** For a slow machine, too: a good one takes a third of that for the longest. */
const stepMinutes = 40;
/** Of each failure, behind its name. */
const messageLinesMax = 12;

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each. */
  readonly failures?: readonly string[];
}

const directory = mkdtempSync(join(tmpdir(), 'check-'));
const outcomeFile = join(directory, 'tests.json');

/** Cheap ones first. Each but the tests counts as one. */
const steps = [
  { name: 'types', script: ['typecheck'] },
  { name: 'lint', script: ['lint'] },
  { name: 'format', script: ['format:check'] },
  { name: 'dead code', script: ['dead'] },
  { name: 'build', script: ['build'] },
  {
    name: 'tests',
    script: ['test:run', '--', '--reporter=default', '--reporter=./scripts/test-outcome.ts'],
    count: countTests,
  },
  { name: 'demo', script: ['demo'] },
];

async function runScript(script: readonly string[]): Promise<boolean> {
  const child = spawn('npm', ['run', '--silent', ...script], {
    cwd: root,
    env: { ...process.env, TEST_OUTCOME: outcomeFile },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: stepMinutes * 60_000,
  });
  const [code] = await once(child, 'exit');
  return code === 0;
}

/** The way through other people's code is above, in the output of the tests. */
const isTold = (line: string): boolean => line.trim() !== '' && !/^\s+at .*(node_modules|node:|<anonymous>)/.test(line);

/** A run that tells nothing, fails without saying what, or tests nothing is a failure. */
function countTests(isGood: boolean): Count {
  let outcome: TestOutcome;
  try {
    outcome = JSON.parse(readFileSync(outcomeFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, failures: ['the tests did not get as far as their end'] };
  }
  const { passed, failures } = outcome;
  if (failures.length === 0 && (!isGood || passed === 0))
    return { passed, failed: 1, failures: ['vitest ended with an error after its last test'] };
  return {
    passed,
    failed: failures.length,
    failures: failures.flatMap(({ name, messages }) => [
      name,
      ...messages
        .flatMap((message) => message.split('\n').filter(isTold).slice(0, messageLinesMax))
        .map((line) => `  ${line}`),
    ]),
  };
}

const outcomes: string[] = [];
let passed = 0;
let failed = 0;
for (const { name, script, count } of steps) {
  console.log(`\n── ${name}`);
  const startMs = performance.now();
  const isGood = await runScript(script);
  const counted: Count = count?.(isGood) ?? { passed: Number(isGood), failed: Number(!isGood) };
  passed += counted.passed;
  failed += counted.failed;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  outcomes.push(`${counted.failed === 0 ? 'ok    ' : 'FAILED'} ${seconds.padStart(6)} s  ${name}`);
  for (const failure of counted.failures ?? []) outcomes.push(`                 ${failure}`);
}
rmSync(directory, { recursive: true, force: true });
console.log(`\n${outcomes.join('\n')}\n\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
