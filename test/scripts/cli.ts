/** Runs the command line as its users do: as a program. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { vi } from 'vitest';
import { projectRoot } from '../support/mutant.ts';

// a program takes a second to start, and on a busy machine ten
vi.setConfig({ testTimeout: 120_000 });

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

type Environment = Readonly<Record<string, string>>;

/** `ppi …args`. Nothing of this process's environment is seen but where programs are. */
export function ppi(args: readonly string[], env: Environment = {}): Promise<Ran> {
  return run(process.execPath, ['--import', 'tsx', 'scripts/ppi.ts', ...args], env);
}

export async function run(command: string, args: readonly string[], env: Environment): Promise<Ran> {
  const { PATH = '', HOME = '' } = process.env;
  const startedMs = performance.now();
  const child = spawn(command, args, {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...env },
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: Number(code), stdout, stderr, seconds: (performance.now() - startedMs) / 1000 };
}

/** The values of NDJSON; throws where a line is anything else. */
export function jsonLines(stdout: string): unknown[] {
  return stdout === ''
    ? []
    : stdout
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
}

/** The error that `--json` prints, and nothing else. */
export function jsonError({ stdout }: Ran): { code: string; message: string; remedy: string } {
  const [only, ...more] = jsonLines(stdout) as { error: { code: string; message: string; remedy: string } }[];
  if (only === undefined || more.length > 0) throw new Error(`not one document: ${stdout}`);
  return only.error;
}
