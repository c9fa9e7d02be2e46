/**
 * The way in from a fresh checkout: sees to Node, npm packages and tools, then runs the command line in this process.
 * Runs before `npm ci`, so it knows Node's own modules only.
 *
 *     node scripts/setup/run.mjs [PPI-ARGUMENT…]         scripts/ppi.ts
 *     node scripts/setup/run.mjs --module FILE [ARG…]    another TypeScript file of the project
 *     node scripts/setup/run.mjs --built FILE [ARG…]     the same, compiled first
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { arePackagesCurrent, installPackages } from './packages.mjs';
import { ensureTools } from './tools.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const minimumNode = '20.20';

/** @param {string} line */
const say = (line) => console.error(line);

try {
  if (process.versions.node.localeCompare(minimumNode, 'en', { numeric: true }) < 0) {
    throw new Error(
      `Node ${minimumNode} or newer is needed, and this is ${process.versions.node}; install a newer one`,
    );
  }
  if (!arePackagesCurrent(root)) {
    say('setup: installing npm packages');
    await installPackages(root);
  }
  await ensureTools({ say });
} catch (error) {
  say(`setup: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

const args = process.argv.slice(2);
const isBuilt = args[0] === '--built';
const source = isBuilt || args[0] === '--module' ? (args.splice(0, 2)[1] ?? '') : 'scripts/ppi.ts';
if (!existsSync(resolve(root, source))) {
  say(`setup: ${resolve(root, source)} does not exist`);
  process.exit(2);
}
if (isBuilt) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(1);
}
const file = resolve(root, isBuilt ? `dist/${source.replace(/\.ts$/, '.js')}` : source);
// The AWS SDK writes to stderr on Node 20 that it will want Node 22 one day; it is pinned, so nobody need read that daily.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
process.argv.splice(1, Infinity, file, ...args);
if (!isBuilt) {
  const { register } = await import('tsx/esm/api');
  register();
}
await import(pathToFileURL(file).href);
