/** Whether node_modules is what package-lock.json says, and `npm ci` when it is not. Knows Node's own modules only. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} Package */

/**
 * npm writes node_modules/.package-lock.json last, so an install that was cut short does not pass for a whole one.
 * @param {string} root directory of package-lock.json
 */
export function arePackagesCurrent(root) {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'));
  if (wanted === undefined)
    throw new Error(`${join(root, 'package-lock.json')} is missing or unreadable; restore it from the repository`);
  if (installed === undefined) return false;
  return (
    Object.entries(installed).every(([path, is]) => isSame(is, wanted[path])) &&
    Object.entries(wanted).every(([path, { optional }]) => path === '' || optional === true || path in installed)
  );
}

/**
 * The lockfile may know a platform's package by its version alone.
 * @param {Package} installed
 * @param {Package | undefined} wanted
 */
function isSame(installed, wanted) {
  if (wanted === undefined || installed.version !== wanted.version) return false;
  return wanted.integrity === undefined || installed.integrity === wanted.integrity;
}

/**
 * @param {string} file
 * @returns {Record<string, Package> | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Installs exactly what package-lock.json says. npm's words go to stderr: stdout belongs to the command that follows.
 * @param {string} root
 */
export async function installPackages(root) {
  const npm = process.env['npm_execpath'];
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, ...before] = npm === undefined ? ['npm'] : [process.execPath, npm];
  const child = spawn(command, [...before, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
  const [code] = await once(child, 'exit');
  if (code !== 0) {
    throw new Error(
      `npm ci failed with exit code ${code} in ${root}; see npm's message above, then run this command again`,
    );
  }
}
