/** A server that speaks SQS and S3 and sends notifications of uploads from one to the other: moto, which is Python. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Running, startProcess, withFreePorts } from '../../../scripts/stack/process.ts';
import { projectRoot } from '../mutant.ts';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

export interface MotoServer {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** It knows no secrets: any key is as good as another. */
export async function startMoto(logFile: string): Promise<MotoServer> {
  const packages = await installed();
  return withFreePorts(1, async ([port = 0]) => {
    const endpoint = `http://127.0.0.1:${port}`;
    const server: Running = await startProcess({
      name: 'moto',
      command: 'python3',
      args: ['-c', `from moto.server import main; main(['-H', '127.0.0.1', '-p', '${port}'])`],
      env: { ...process.env, PYTHONPATH: packages },
      logFile,
      ready: async () => (await fetch(`${endpoint}/moto-api/`)).ok,
    });
    return { endpoint, close: () => server.close() };
  });
}

/** Fetched once for all test runs, by pip, which checks the hashes. */
async function installed(): Promise<string> {
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const directory = join(projectRoot, '.tools', `moto-${version}`);
  if (existsSync(directory)) return directory;
  mkdirSync(join(projectRoot, '.tools'), { recursive: true });
  const work = mkdtempSync(join(projectRoot, '.tools', 'fetch-'));
  try {
    const pip = '-m pip install --quiet --no-input --disable-pip-version-check --no-deps --only-binary=:all:';
    const args = [...pip.split(' '), '--require-hashes', '--requirement', requirements, '--target', work];
    await promisify(execFile)('python3', args, { maxBuffer: 16 << 20 });
    renameSync(work, directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return directory;
}
