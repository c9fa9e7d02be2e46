import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = fileURLToPath(new URL('../../scripts/setup/run.mjs', import.meta.url));
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'run-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(source: string, ...args: string[]) {
  const file = join(directory, `${Math.random()}.mts`);
  writeFileSync(file, source);
  return spawn(process.execPath, [run, '--module', file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('the way in', () => {
  it('prints nothing but what the command prints, and hands its arguments and exit code through', async () => {
    const child = start(
      'const args: string[] = process.argv.slice(2); console.log(JSON.stringify(args)); process.exitCode = 7;',
      'tenants',
      '--json',
    );
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect(stdout).toBe('["tenants","--json"]\n');
    expect(stderr).toBe('');
    expect(code).toBe(7);
  });

  it('leaves signals to the command', async () => {
    const child = start(
      'process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1000); console.log("up"); export {};',
    );
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([3, null]);
  });
});
