import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import pMap from 'p-map';
import { describe, expect, it } from 'vitest';
import { createProgram, nouns } from '../../scripts/program.ts';
import { projectRoot } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { jsonError, ppi, run } from './cli.ts';

const dataDir = temporaryDirectory('usage');
/** Nobody listens there. */
const env = { DATA_DIR: dataDir, TEMPORAL_ADDRESS: '127.0.0.1:1' };

/** Every command of the program, with what `--help` prints of it. */
async function helps(): Promise<{ path: string; command: Command; help: string }[]> {
  let help = '';
  const root = await createProgram(nouns.map(({ name }) => name));
  const all = (command: Command, path: string): { path: string; command: Command }[] => [
    { path, command },
    ...command.commands.flatMap((each) => all(each, `${path} ${each.name()}`)),
  ];
  return root.commands
    .flatMap((command) => all(command, command.name()))
    .map(({ path, command }) => {
      help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      return { path, command, help };
    });
}

describe('--help', () => {
  it('of every command says what it does, and gives an example', async () => {
    const found = await helps();
    expect(found.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        'demo',
        'dev',
        'worker',
        'search',
        'tenants apply',
        'sources test',
        'lake sql',
        'lake maintain',
      ]),
    );
    // usage, a blank line, then the description
    for (const { path, help } of found)
      expect([path, help]).toEqual([path, expect.stringMatching(/^Usage: ppi .*\n\n\w/)]);
    for (const { path, help } of found)
      expect([path, help]).toEqual([path, expect.stringMatching(/\nExample:\n {2}\S/)]);
  });

  it('of the tools that package.json names is the same', async () => {
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const tools = Object.entries(scripts).filter(([name]) => /^(fuzz|soak:s3|bench:.*)$/.test(name));
    expect(tools).toHaveLength(5);
    await pMap(
      tools,
      async ([name, script]) => {
        const start = ['--import', 'tsx', script.split(' ').at(-1) ?? ''];
        const help = await run(process.execPath, [...start, '--help'], env);
        expect(help).toMatchObject({ code: 0, stderr: '' });
        expect(help.stdout).toMatch(
          new RegExp(`^Usage: npm run ${name} -- [^]*\\nExample:\\n {2}npm run ${name} -- \\S`),
        );
        const wrong = await run(process.execPath, [...start, '--colour', '--json'], env);
        expect([wrong.code, jsonError(wrong).code]).toEqual([2, 'usage']);
      },
      { concurrency: 2 },
    );
  });

  it('is exit code 0, of the program, of a noun and of its verb', async () => {
    const [root, alone, noun, verb, search] = await Promise.all([
      ppi(['--help'], env),
      ppi([], env),
      ppi(['sources', '--help'], env),
      ppi(['sources', 'pause', '--help'], env),
      ppi(['search', '--help'], env),
    ]);
    for (const { code, stderr } of [root, alone, noun, verb, search]) expect([code, stderr]).toEqual([0, '']);
    expect(alone.stdout).toBe(root.stdout);
    expect(noun.stdout).toMatch(/\n {2}pause .*<tenant> <source> /);
    expect(verb.stdout).toContain('--reason <text>');
    for (const said of [
      'field!=value',
      'those without a value too',
      'parts.sha256',
      'extra.key',
      'obs_domain=*.a.example',
      'Times without a zone are UTC',
    ])
      expect(search.stdout).toContain(said);
  });
});

it('--version says the version of the package, and nothing else', async () => {
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
  expect(await ppi(['--version'], env)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('a command line that cannot be meant', () => {
  const wrong: [string[], RegExp][] = [
    [['nonsense'], /unknown command 'nonsense'/],
    [['sources', 'show'], /missing required argument 'tenant'/],
    [['sources', 'nonsense'], /unknown command 'nonsense'/],
    [['tenants', 'apply'], /required option '-f, --file <path>' not specified/],
    [['search', 'two', 'words'], /too many arguments/],
    [['search', '--limit', '0'], /'--limit <rows>' argument '0' is invalid. expected a whole number above 0/],
    [['search', '--format', 'xml'], /Allowed choices are table, json, csv/],
    [['search', '--nonsense'], /unknown option '--nonsense'/],
    [['search', '--json', '--tenant'], /'--tenant <names>' argument missing/],
    [['search', '--from', 'now', '--to', '-24h'], /--from must be before --to/],
    [
      ['search', '--table', 'taps'],
      /unknown table "taps"; the tables are proofpoint_tap_messages_delivered, .*proofpoint_gateway_sendmail_logs/,
    ],
    [['search', '--table', 'tap_clicks_blocked', '--columns', 'guid,nope'], /unknown columns "nope"/],
  ];

  it('is exit code 2, with the error on stderr and, for programs, on stdout', async () => {
    const answers = await pMap(
      wrong,
      async ([args]) => ppi(args.includes('--json') ? args : [...args, '--json'], env),
      { concurrency: 3 },
    );
    for (const [index, ran] of answers.entries()) {
      const [args, message] = wrong[index] ?? [];
      expect([args, ran.code]).toEqual([args, 2]);
      expect(ran.stderr).toMatch(message ?? '');
      expect(jsonError(ran)).toEqual({
        code: 'usage',
        message: expect.stringMatching(message ?? ''),
        remedy: expect.stringContaining('--help'),
      });
    }
  });

  it('is exit code 2 for an unknown command, and nothing on stdout without --json', async () => {
    for (const args of [['nonsense'], ['sources'], ['sources', 'pause', 'acme']]) {
      const { code, stdout, stderr } = await ppi(args, env);
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).toMatch(/unknown command 'nonsense'|Usage: ppi sources|missing required argument 'source'/);
    }
  });
});

describe('what is not there', () => {
  it.each([
    [
      'no Temporal server',
      ['sources', 'list'],
      'temporal.unreachable',
      'no server answers at 127.0.0.1:1',
      'npm start',
    ],
    [
      'no lake',
      ['search', 'x'],
      'lake.unavailable',
      `there is no lake at ${join(dataDir, 'lake/catalog.sqlite')} yet`,
      'LAKE_CATALOG',
    ],
    ['no lake', ['lake', 'sql', 'SELECT 1'], 'lake.unavailable', 'the first worker to start makes it', 'LAKE_CATALOG'],
    [
      'no tenants file',
      ['tenants', 'apply', '-f', '/nowhere.yaml'],
      'config.invalid',
      '/nowhere.yaml: cannot be read (ENOENT)',
      '',
    ],
  ])('%s is exit code 1 with a remedy: %j', async (_, args, code, message, remedy) => {
    const ran = await ppi([...args, '--json'], env);
    expect(ran.code).toBe(1);
    expect(ran.seconds).toBeLessThan(20);
    expect(jsonError(ran)).toEqual({
      code,
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
    expect(ran.stderr).toMatch(/^error: .*\nwhat to do: .*\n$/);
  });

  it('is a variable that is wrong', async () => {
    const ran = await ppi(['worker'], { ...env, LOG_LEVEL: 'loud' });
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^error: environment: LOG_LEVEL must be one of trace, .*\nwhat to do: /);
  });
});

/** Prints the packages that a program has loaded when it ends. */
const tellPackages = `data:text/javascript,${encodeURIComponent(`
  import Module from 'node:module';
  process.on('exit', () => {
    const names = Object.keys(Module._cache).map((path) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(path)?.[1]);
    process.stderr.write('loaded ' + JSON.stringify([...new Set(names)]));
  });`)}`;

describe('what a command loads', () => {
  const loaded = async (args: readonly string[]) => {
    const { stderr } = await ppi(args, { ...env, NODE_OPTIONS: `--import ${tellPackages}` });
    return JSON.parse(/loaded (.*)$/.exec(stderr)?.[1] ?? '') as string[];
  };

  it('is neither DuckDB nor the worker where Temporal alone is asked', async () => {
    const [help, list, sql] = await Promise.all([
      loaded(['--help']),
      loaded(['sources', 'list']),
      loaded(['drift', 'list', '--help']),
    ]);
    const heavy = ['@duckdb/node-api', '@temporalio/worker', '@aws-sdk/client-s3'];
    expect(heavy.filter((name) => list.includes(name))).toEqual([]);
    expect([...heavy, '@temporalio/client'].filter((name) => help.includes(name))).toEqual([]);
    // the other way round, so that names are seen at all
    expect(list).toContain('@temporalio/client');
    expect(sql).toContain('@duckdb/node-api');
  });
});
