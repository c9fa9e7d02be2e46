import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureTools, inspectTool } from '../../scripts/setup/tools.mjs';

const platform = `${process.platform}-${process.arch}`;
let home: string;
let directory: string;
let wheel: string;

/** A wheel as pip takes it, holding one small program. Real pip, no network: it looks into our directory only. */
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tools-'));
  directory = join(home, 'tools');
  const content = join(home, 'content');
  mkdirSync(join(content, 'tiny_tool-1.0.data/scripts'), { recursive: true });
  mkdirSync(join(content, 'tiny_tool-1.0.dist-info'));
  writeFileSync(join(content, 'tiny_tool-1.0.data/scripts/tiny'), '#!/bin/sh\necho tiny 1.0\n');
  writeFileSync(
    join(content, 'tiny_tool-1.0.dist-info/METADATA'),
    'Metadata-Version: 2.1\nName: tiny-tool\nVersion: 1.0\n',
  );
  writeFileSync(
    join(content, 'tiny_tool-1.0.dist-info/WHEEL'),
    'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n',
  );
  writeFileSync(join(content, 'tiny_tool-1.0.dist-info/RECORD'), '');
  wheel = join(home, 'tiny_tool-1.0-py3-none-any.whl');
  execFileSync('python3', ['-m', 'zipfile', '-c', wheel, ...readdirSync(content)], { cwd: content });
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', home);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

function tinyTool(changes: object = {}) {
  const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
  return {
    name: 'tiny',
    version: '1.0',
    package: 'tiny-tool',
    member: 'tiny_tool-1.0.data/scripts/tiny',
    target: 'bin/tiny',
    executable: true,
    sha256: { [platform]: sha256 },
    ...changes,
  };
}

/** A Python that does as the script says; `$REAL` is the real one. Every call leaves a line in `calls`. */
function fakePython(script: string): string {
  const real = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  const file = join(home, 'python');
  writeFileSync(file, `#!/bin/sh\necho "$*" >> '${home}/calls'\nREAL='${real}'\n${script}\n`, { mode: 0o755 });
  return file;
}

describe('fetching a tool', () => {
  it('puts an executable in its place and leaves nothing else behind', async () => {
    const [finding] = await ensureTools({ tools: [tinyTool()], directory });
    expect(finding?.found).toEqual({ path: join(directory, 'bin/tiny'), origin: 'fetched' });
    expect(execFileSync(join(directory, 'bin/tiny'), { encoding: 'utf8' })).toBe('tiny 1.0\n');
    expect(readdirSync(directory).sort()).toEqual(['bin', 'stamps']);
  });

  it('does nothing the second time', async () => {
    const python = fakePython('exec "$REAL" "$@"');
    const said: string[] = [];
    const options = { tools: [tinyTool()], directory, python, say: (line: string) => void said.push(line) };
    await ensureTools(options);
    const calls = readFileSync(join(home, 'calls'), 'utf8');
    await ensureTools(options);
    expect(readFileSync(join(home, 'calls'), 'utf8')).toBe(calls);
    expect(said).toEqual(['setup: fetching tiny 1.0']);
  });

  it('fetches again when another version is pinned than the one that is there', async () => {
    await ensureTools({ tools: [tinyTool()], directory });
    writeFileSync(join(directory, 'stamps/tiny'), 'tiny-tool 0.9 0000\n');
    expect(inspectTool(tinyTool(), directory).found).toBeUndefined();
    await ensureTools({ tools: [tinyTool()], directory });
    expect(inspectTool(tinyTool(), directory).found?.origin).toBe('fetched');
  });

  it('lets two setups at once both succeed', async () => {
    const both = await Promise.all([1, 2].map(() => ensureTools({ tools: [tinyTool()], directory })));
    expect(both.flat().map(({ found }) => found?.origin)).toEqual(['fetched', 'fetched']);
    expect(statSync(join(directory, 'bin/tiny')).mode & 0o777).toBe(0o755);
  });

  it('believes a file that was put there by hand', async () => {
    mkdirSync(join(directory, 'bin'), { recursive: true });
    writeFileSync(join(directory, 'bin/tiny'), 'mine');
    const [finding] = await ensureTools({ tools: [tinyTool()], directory, python: '/nowhere/python' });
    expect(finding?.found?.origin).toBe('by hand');
    expect(readFileSync(join(directory, 'bin/tiny'), 'utf8')).toBe('mine');
  });
});

describe('a tool that cannot be fetched', () => {
  const cases: { what: string; changes?: object; python?: () => string; message: RegExp }[] = [
    {
      what: 'no Python',
      python: () => '/nowhere/python3',
      message: /\/nowhere\/python3 is not installed; install Python 3/,
    },
    {
      what: 'Python without pip',
      python: () => fakePython('echo "$0: No module named pip" >&2; exit 1'),
      message: /has no pip; install it/,
    },
    {
      what: 'a package whose hash pip finds wrong',
      changes: { sha256: { [platform]: '0'.repeat(64) } },
      message: /another hash than the pinned one/,
    },
    {
      what: 'a file that is not what pip was asked for',
      python: () =>
        fakePython(`for last; do :; done; mkdir -p "$last"; echo other > "$last/tiny_tool-1.0-py3-none-any.whl"`),
      message: /tiny_tool-1\.0-py3-none-any\.whl has the hash [0-9a-f]{64}, not the pinned/,
    },
    {
      what: 'a version that pip cannot find',
      changes: { version: '2.0' },
      message: /pip could not fetch it: .*tiny-tool==2\.0/,
    },
    {
      what: 'a platform without a build',
      changes: { sha256: {} },
      message: new RegExp(`there is no build for ${platform}`),
    },
    { what: 'a package without the file', changes: { member: 'bin/other' }, message: /does not hold bin\/other/ },
  ];
  it.each(cases)('$what: says what, where and what to do, and leaves nothing', async ({ changes, python, message }) => {
    const options = {
      tools: [tinyTool({ environment: 'TINY', ...changes })],
      directory,
      python: python?.() ?? 'python3',
    };
    const error = await ensureTools(options).then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^tiny \d\.0 \(Python package tiny-tool\) is needed and could not be fetched: /);
    expect(error.message).toContain(`put the file at ${join(directory, 'bin/tiny')}, or set TINY to one you have.`);
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  });
});

describe('a tool that is elsewhere', () => {
  it('is the one that its variable names', () => {
    vi.stubEnv('TINY', wheel);
    expect(inspectTool(tinyTool({ environment: 'TINY' }), directory).found).toEqual({
      path: wheel,
      origin: 'environment',
    });
  });

  it('is an error when its variable names nothing', () => {
    vi.stubEnv('TINY', '/nowhere/tiny');
    expect(() => inspectTool(tinyTool({ environment: 'TINY' }), directory)).toThrow(
      'TINY names /nowhere/tiny, which does not exist',
    );
  });

  it.each([
    { version: '1.10.2', origin: 'path' },
    { version: '1.8.9', origin: undefined },
    { version: 'broken', origin: undefined },
  ])('on PATH in version $version counts as $origin where 1.9 is the least', ({ version, origin }) => {
    writeFileSync(join(home, 'tiny'), `#!/bin/sh\necho tiny version ${version}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${home}:${process.env['PATH']}`);
    expect(inspectTool(tinyTool({ pathMinimum: '1.9' }), directory).found?.origin).toBe(origin);
  });
});

describe('tools.json', () => {
  const root = new URL('../../', import.meta.url);
  const read = (file: string) => JSON.parse(readFileSync(new URL(file, root), 'utf8'));
  const tools: { name: string; version: string; target: string; sha256: object }[] = read('scripts/setup/tools.json');

  it('pins a hash of every tool for every platform', () => {
    const hash: unknown = expect.stringMatching(/^[0-9a-f]{64}$/);
    for (const { sha256 } of tools) {
      expect(sha256).toEqual({ 'darwin-arm64': hash, 'linux-arm64': hash, 'linux-x64': hash });
    }
  });

  it('pins extensions of exactly the DuckDB that npm installs', () => {
    const extensions = tools.filter(({ target }) => target.startsWith('duckdb/'));
    const installed: string = read('package.json').dependencies['@duckdb/node-api'];
    expect(extensions.map(({ name }) => name)).toEqual(['ducklake', 'sqlite', 'postgres', 'httpfs']);
    for (const { version, target } of extensions) {
      expect(installed).toMatch(new RegExp(`^${version}-`));
      expect(target).toContain(`/v${version}/`);
    }
  });
});
