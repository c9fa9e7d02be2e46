import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arePackagesCurrent } from '../../scripts/setup/packages.mjs';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'packages-'));
  mkdirSync(join(root, 'node_modules'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (file: string, packages: object) => writeFileSync(join(root, file), JSON.stringify({ packages }));
const wanted = {
  '': {},
  'node_modules/a': { integrity: 'sha512-a' },
  'node_modules/other-platform': { integrity: 'sha512-o', optional: true },
  'node_modules/this-platform': { version: '2.0.0', optional: true },
};

describe('arePackagesCurrent', () => {
  it.each([
    { what: 'what is wanted', installed: { 'node_modules/a': { integrity: 'sha512-a' } }, current: true },
    {
      what: "what is wanted, with a platform's package",
      installed: {
        'node_modules/a': { integrity: 'sha512-a' },
        'node_modules/this-platform': { version: '2.0.0', integrity: 'sha512-t' },
      },
      current: true,
    },
    { what: 'nothing', installed: {}, current: false },
    { what: 'another version', installed: { 'node_modules/a': { integrity: 'sha512-b' } }, current: false },
    {
      what: 'a package too many',
      installed: { 'node_modules/a': { integrity: 'sha512-a' }, 'node_modules/b': { integrity: 'sha512-b' } },
      current: false,
    },
  ])('is $current when $what is installed', ({ installed, current }) => {
    write('package-lock.json', wanted);
    write('node_modules/.package-lock.json', installed);
    expect(arePackagesCurrent(root)).toBe(current);
  });

  it('is false when an install was cut short', () => {
    write('package-lock.json', wanted);
    expect(arePackagesCurrent(root)).toBe(false);
  });

  it('says so when the lockfile is missing', () => {
    expect(() => arePackagesCurrent(root)).toThrow(/package-lock\.json is missing or unreadable; restore it/);
  });
});

interface Locked {
  readonly optionalDependencies?: Record<string, string>;
}

describe('package-lock.json', () => {
  // https://github.com/npm/cli/issues/4828: npm may forget other platforms' packages, and `npm ci` then refuses the lockfile.
  it('holds every optional package that it names, for every platform', () => {
    const packages: Record<string, Locked> = JSON.parse(
      readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
    ).packages;
    const named = Object.values(packages).flatMap((locked) => Object.keys(locked.optionalDependencies ?? {}));
    expect(named.length).toBeGreaterThan(50);
    const held = new Set(
      Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)),
    );
    expect(named.filter((name) => !held.has(name))).toEqual([]);
  });
});
