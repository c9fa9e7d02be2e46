/** A vitest reporter that writes what a run came to into the file that TEST_OUTCOME names: also what failed outside of any test. */
import { writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestCase, TestModule, TestRunEndReason, TestSuite } from 'vitest/node';

export interface TestOutcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** A failed test, a file or hook that threw (its tests did not run), or an error that nobody caught. */
interface Failure {
  readonly name: string;
  readonly messages: readonly string[];
}

export default class TestOutcomeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const failures = modules.flatMap((module) => [
      ...failureOf(module.relativeModuleId, module.errors()),
      ...[...module.children.allSuites()].flatMap((suite) => failureOf(nameOf(suite), suite.errors())),
      ...[...module.children.allTests('failed')].flatMap((test) =>
        failureOf(nameOf(test), test.result().errors ?? [], true),
      ),
    ]);
    failures.push(...failureOf('outside of any test', unhandled));
    if (failures.length === 0 && reason !== 'passed') failures.push({ name: `the run was ${reason}`, messages: [] });
    const passed = modules.reduce((sum, { children }) => sum + [...children.allTests('passed')].length, 0);
    const outcome: TestOutcome = { passed, failures };
    writeFileSync(process.env['TEST_OUTCOME'] ?? 'test-outcome.json', JSON.stringify(outcome));
  }
}

const nameOf = (entity: TestCase | TestSuite) => `${entity.module.relativeModuleId}: ${entity.fullName}`;

function failureOf(name: string, errors: readonly SerializedError[], hasFailed = errors.length > 0): Failure[] {
  const told = errors.map(({ stack, message, diff }) => stripVTControlCharacters([stack ?? message, diff].join('\n')));
  return hasFailed ? [{ name, messages: told }] : [];
}
