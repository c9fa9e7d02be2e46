/** The workflow code as one file. Production has it built ahead; a checkout builds it when its sources change and keeps it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { Config } from './config.ts';

/** Path of the bundle: WORKFLOW_BUNDLE if set, else the cached or new one of this checkout. */
export async function workflowBundlePath({ workflowBundle, projectRoot }: Config): Promise<string> {
  if (workflowBundle !== undefined) return workflowBundle;
  const path = resolve(projectRoot, `.tools/workflows/${sourcesHash(projectRoot)}.js`);
  if (!existsSync(path)) await buildWorkflowBundle(path);
  return path;
}

export async function buildWorkflowBundle(path: string): Promise<void> {
  // the entry's ending is that of this module: .ts in a checkout, .js when compiled
  const entry = fileURLToPath(new URL(`../workflows/index${extname(import.meta.url)}`, import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath: entry, logger: new DefaultLogger('WARN') });
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, code);
  await rename(temporary, path);
}

/** Workflow code is made of these; the lockfile stands for the SDK, whose exact version the bundle must match. */
function sourcesHash(projectRoot: string): string {
  const hash = createHash('sha256');
  const files = ['workflows', 'sources', 'activities'].flatMap((room) =>
    readdirSync(resolve(projectRoot, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${room}/${file}`),
  );
  for (const file of ['package-lock.json', ...files.sort()])
    hash.update(file).update(readFileSync(resolve(projectRoot, file)));
  return hash.digest('hex').slice(0, 16);
}
