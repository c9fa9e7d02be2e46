/** `npm test`: everything that must hold, in one run that goes on to the end and closes with `N passed, N failed`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stepMinutes = 20;
/** Of each failure, behind its name. */
const messageLinesMax = 12;

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** What failed, a line each. */
  readonly failures?: readonly string[];
}

/** What vitest's JSON reporter writes, as far as it matters here. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const report = mkdtempSync(join(tmpdir(), 'check-'));
const reportFile = join(report, 'tests.json');

/** Cheap ones first. Each but the tests counts as one. */
const steps = [
  { name: 'types', script: ['typecheck'] },
  { name: 'lint', script: ['lint'] },
  { name: 'format', script: ['format:check'] },
  { name: 'dead code', script: ['dead'] },
  { name: 'build', script: ['build'] },
  {
    name: 'tests',
    script: ['test:run', '--', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
    count: countTests,
  },
  { name: 'demo', script: ['demo'] },
];

async function runScript(script: readonly string[]): Promise<boolean> {
  const child = spawn('npm', ['run', '--silent', ...script], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: stepMinutes * 60_000,
  });
  const [code] = await once(child, 'exit');
  return code === 0;
}

/** Where in the code it was is above, in the output of the tests. */
const isTold = (line: string): boolean => line.trim() !== '' && !/^\s+at /.test(line);

/** A run that fails without a failed test (a file that does not load, an unhandled rejection), or tests nothing, is a failure. */
function countTests(isGood: boolean): Count {
  let tests: TestReport;
  try {
    tests = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const { numPassedTests: passed, numFailedTests: failed } = tests;
  const failures = tests.testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .flatMap(({ fullName, failureMessages }) => [
        `${relative(root, file)}: ${fullName}`,
        ...failureMessages
          .flatMap((message) => message.split('\n').filter(isTold).slice(0, messageLinesMax))
          .map((line) => `  ${line}`),
      ]),
  );
  return { passed, failed: failed === 0 && (!isGood || passed === 0) ? 1 : failed, failures };
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
rmSync(report, { recursive: true, force: true });
console.log(`\n${outcomes.join('\n')}\n\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
