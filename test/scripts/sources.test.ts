import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { tapSettings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { type BackfillStatus, backfillWorkflowIdOf } from '../../workflows/backfill-state.ts';
import { sourceIdKey, tenantIdKey } from '../../workflows/search-attributes.ts';
import { noTotals, type SourceStatus, workflowIdOf } from '../../workflows/source-state.ts';
import { filterTable, objectHeader } from '../support/lake.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { jsonError, jsonLines, ppi } from './cli.ts';
import { silentQueue, type Standing, standingQueue, startStanding } from './standing.ts';

const dataDir = temporaryDirectory('sources');
const states = ['idle', 'running', 'paused', 'late', 'backoff', 'blocked'] as const;
const settings = tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'file:/s', settle: ['35m', '90m'] });

/** Two of them with a backfill each. */
const gone = { tenantId: 'acme', sourceId: 'idle' };
const kept = { tenantId: 'globex', sourceId: 'tap' };
const backfillOf = (source: typeof gone) =>
  backfillWorkflowIdOf({ ...source, from: '2026-01-30T00:00:00Z', to: '2026-01-31T00:00:00Z' });

let standing: Standing;
let client: Standing['client'];
let env: Standing['env'];
let workflows: Standing['workflows'];

/** A source in that state; `silent` waits where no worker is. */
async function stand(tenantId: string, sourceId: string, state: SourceStatus['pipelineState'], taskQueue: string) {
  const status: SourceStatus = {
    tenantId,
    sourceId,
    kind: 'tap',
    pipelineState: state,
    cursor: '2026-01-31T05:00:00Z',
    startedFrom: '2026-01-24T05:00:00Z',
    consecutiveErrors: 0,
    totals: noTotals,
    settings,
    ...(state === 'blocked'
      ? {
          lastError: {
            code: 'tap.unauthorized',
            message: 'tap: 401\u001B[31m',
            remedy: 'update the secret',
            at: '2026-01-31T05:00:00Z',
          },
        }
      : {}),
  };
  await standing.stand(status, taskQueue);
}

/** A backfill that says of itself what is given, or nothing. */
async function standBackfill(source: typeof gone, status?: Partial<BackfillStatus>) {
  await client.workflow.start('tapBackfill', {
    workflowId: backfillOf(source),
    taskQueue: standingQueue,
    args: status === undefined ? [] : [status],
    typedSearchAttributes: [
      { key: tenantIdKey, value: source.tenantId },
      { key: sourceIdKey, value: source.sourceId },
    ],
  });
  await vi.waitFor(async () => expect((await workflows()).join()).toContain(backfillOf(source)), { timeout: 10_000 });
}

beforeAll(async () => {
  standing = await startStanding(dataDir);
  ({ client, env, workflows } = standing);
  for (const state of states) await stand('acme', state, state, standingQueue);
  await stand('acme', 'a-silent', 'idle', silentQueue);
  await stand('globex', 'tap', 'idle', standingQueue);
  while ((await workflows()).length < states.length + 2) await sleep(100);
});

afterAll(async () => {
  await standing.close();
});

describe('ppi sources list', () => {
  it('shows every state, worst first', async () => {
    const [table, json] = await Promise.all([
      ppi(['sources', 'list', '--tenant', 'acme'], env),
      ppi(['sources', 'list', '--json'], env),
    ]);
    expect([table.code, table.stderr, json.code, json.stderr]).toEqual([0, '', 0, '']);
    const rows = table.stdout.trimEnd().split('\n');
    expect(rows.slice(1).map((row) => row.split(/ +/)[1])).toEqual([
      'a-silent',
      'blocked',
      'backoff',
      'late',
      'paused',
      'running',
      'idle',
    ]);
    expect(rows[1]).toMatch(/unknown .*source\.silent: start a worker/);
    expect(rows[2]).toContain('tap.unauthorized');
    const listed = jsonLines(json.stdout) as SourceStatus[];
    expect(listed.map(({ tenantId, pipelineState }) => `${tenantId} ${pipelineState}`)).toEqual([
      'acme unknown',
      ...['blocked', 'backoff', 'late', 'paused', 'running', 'idle'].map((state) => `acme ${state}`),
      'globex idle',
    ]);
  });

  it('shows one tenant and none that the name could smuggle in', async () => {
    const list = (tenant: string) => ppi(['sources', 'list', '--tenant', tenant, '--json'], env);
    const strangers = ['nobody', 'Globex', `x' OR TenantId != '`, String.raw`x\' OR TenantId != '`];
    const [globex, ...others] = await Promise.all(['globex', ...strangers].map(list));
    expect(jsonLines(globex?.stdout ?? '')).toEqual([expect.objectContaining({ tenantId: 'globex' })]);
    for (const [index, ran] of others.entries()) {
      const message = `no tenant ${JSON.stringify(strangers[index])} has a source that runs (the case of letters counts); known: acme, globex`;
      expect([ran.code, jsonError(ran)]).toEqual([2, expect.objectContaining({ code: 'usage', message })]);
    }
  });

  it('names a namespace that is not there', async () => {
    const ran = await ppi(['sources', 'list', '--json'], { ...env, TEMPORAL_NAMESPACE: 'nope' });
    expect(ran.code).toBe(1);
    expect(jsonError(ran)).toEqual({
      code: 'temporal.unreachable',
      message: 'temporal: there is no namespace nope',
      remedy: expect.stringContaining('TEMPORAL_NAMESPACE'),
    });
  });
});

describe('ppi sources show', () => {
  it('shows state, error and settings as tenants.yaml has them', async () => {
    const { code, stdout } = await ppi(['sources', 'show', 'acme', 'blocked'], env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^acme\/blocked \(tap\)\n- State: \*\*blocked\*\*/);
    expect(stdout).toContain('What to do: update the secret');
    expect(stdout).toContain('\n  every: 5m\n');
    expect(stdout).toContain('\n  settle: [35m, 90m]\n');
    expect(stdout).not.toContain('\u001B');
  });

  it('is one document with --json', async () => {
    const { stdout } = await ppi(['sources', 'show', 'acme', 'blocked', '--json'], env);
    expect(jsonLines(stdout)).toEqual([expect.objectContaining({ pipelineState: 'blocked', settings })]);
  });
});

describe('a source that does not run', () => {
  it.each(['show', 'pause', 'resume', 'poll', 'test'])('is named by %s', async (verb) => {
    const ran = await ppi(['sources', verb, 'acme', 'none', '--json'], env);
    expect(ran.code).toBe(1);
    expect(jsonError(ran)).toEqual({
      code: 'source.unknown',
      message: 'source acme/none: does not run here',
      remedy: expect.stringContaining('ppi sources list'),
    });
    expect(ran.stderr).toMatch(/^error: source acme\/none: .*\nwhat to do: see "ppi sources list"/);
  });
});

/** With a source that runs already, and would be asked. */
const good = `tenants: {acme: {sources: {a-silent: {kind: tap, principal: 'env:P', secret: 'file:/s'}, new: {kind: tap, principal: 'env:Q', secret: 'file:/s'}}}}`;

describe('without a worker', () => {
  it('every command says so within about ten seconds, and nothing is left behind', async () => {
    const file = join(dataDir, 'good.yaml');
    writeFileSync(file, good);
    const before = await workflows();
    const commands = [
      ['sources', 'show', 'acme', 'a-silent'],
      ['sources', 'pause', 'acme', 'a-silent'],
      ['sources', 'poll', 'acme', 'a-silent'],
      ['sources', 'test', 'acme', 'new', '-f', file],
      ['tenants', 'apply', '-f', file],
    ];
    const answers = await Promise.all(commands.map((args) => ppi([...args, '--json'], env)));
    for (const [index, ran] of answers.entries()) {
      expect([commands[index], ran.code]).toEqual([commands[index], 1]);
      expect(jsonError(ran)).toEqual({
        code: 'source.silent',
        message: expect.stringContaining(
          index < 3 ? 'source acme/a-silent: no worker answered within 10 s' : 'no worker answered within 10 s',
        ),
        remedy: expect.stringContaining('start a worker'),
      });
      // and not in the minutes that a check or a read may take; programs start slowly on a busy machine
      expect(ran.seconds).toBeLessThan(60);
    }
    const after = (await workflows()).filter((workflow) => !/^check\/acme\/new\/\S+ TERMINATED$/.test(workflow));
    expect(after).toEqual(before);
  });
});

describe('a tenants.yaml that cannot be meant', () => {
  const source = (...lines: string[]) =>
    ['tenants:', '  acme:', '    sources:', '      tap:', ...lines.map((line) => `        ${line}`), ''].join('\n');
  const tap = ['kind: tap', 'principal: env:P', 'secret: env:S'];

  it.each([
    ['YAML', 'tenants: [', 'config.invalid', 'line 1, column 11: '],
    [
      'type',
      source('kind: tap', 'principal: env:P', 'secret: 1'),
      'config.invalid',
      'tenants.acme.sources.tap.secret (line 7): ',
    ],
    [
      'kind',
      source('kind: pod', 'clusterId: c', 'token: env:T'),
      'config.invalid',
      'tenants.acme.sources.tap.kind (line 5): must be tap or s3; other kinds, pod among them, are not supported by this version',
    ],
    [
      'plain http',
      source(...tap, 'baseUrl: http://tap.example.com'),
      'config.endpoint_refused',
      'tenants.acme.sources.tap.baseUrl: http://tap.example.com is not https',
    ],
    [
      'private',
      source(...tap, 'baseUrl: https://10.0.0.1'),
      'config.endpoint_refused',
      'tenants.acme.sources.tap.baseUrl: 10.0.0.1 is a private address',
    ],
    [
      'metadata',
      source(
        'kind: s3',
        'table: proofpoint_gateway_filter_logs',
        'bucket: abc',
        'endpoint: https://[::ffff:169.254.169.254]',
      ),
      'config.endpoint_refused',
      'tenants.acme.sources.tap.endpoint: ',
    ],
  ])('is refused and changes nothing: %s', async (name, text, code, message) => {
    const file = join(dataDir, `${name}.yaml`.replaceAll(' ', '-'));
    writeFileSync(file, text);
    const before = await workflows();
    const ran = await ppi(['tenants', 'apply', '-f', file, '--json'], env);
    expect(ran.code).toBe(1);
    const error = jsonError(ran);
    expect(error).toEqual({
      code,
      message: expect.stringContaining(`${file}: ${message}`),
      remedy: expect.stringMatching(/./),
    });
    expect(ran.stderr).toBe(`error: ${error.message}\nwhat to do: ${error.remedy}\n`);
    expect(await workflows()).toEqual(before);
  });

  it('is one that does not have the source to be tried', async () => {
    const file = join(dataDir, 'other.yaml');
    writeFileSync(file, source(...tap));
    const ran = await ppi(['sources', 'test', 'acme', 'filter', '-f', file, '--json'], env);
    expect(ran.code).toBe(2);
    expect(jsonError(ran)).toMatchObject({ code: 'usage', message: `${file} has no source filter of tenant acme` });
  });
});

it('ppi gaps list tells the gaps of all that answer, and then who does not', async () => {
  await (await openLake(readConfig(env).lake)).close();
  const { code, stdout, stderr } = await ppi(['gaps', 'list', '--tenant', 'acme', '--json'], env);
  const gap = { tenantId: 'acme', from: '2026-01-24T05:00:00Z', to: '2026-01-31T05:00:00Z', state: 'unread' };
  const [last, ...gaps] = jsonLines(stdout).toReversed();
  expect(gaps).toEqual(states.map(() => expect.objectContaining(gap)));
  expect([code, last]).toEqual([1, { error: expect.objectContaining({ code: 'source.silent' }) }]);
  expect(stderr).toContain('no answer from acme/a-silent\n');
});

it('ppi gaps refuses a tenant that is none, and says where no source has gaps to tell of', async () => {
  const lake = await openLake(readConfig(env).lake);
  await lake.load(objectHeader('one', 'initech'), [filterTable], async () => undefined);
  await lake.close();
  const [list, fill, none, noneJson] = await Promise.all([
    ppi(['gaps', 'list', '--tenant', 'ACME', '--json'], env),
    ppi(['gaps', 'fill', '--tenant', 'ACME', '--json'], env),
    ppi(['gaps', 'list', '--tenant', 'initech'], env),
    ppi(['gaps', 'fill', '--tenant', 'initech', '--json'], env),
  ]);
  for (const ran of [list, fill])
    expect([ran.code, jsonError(ran).message]).toEqual([
      2,
      'no tenant "ACME" has a batch in the lake or a source that runs (the case of letters counts); known: acme, globex, initech',
    ]);
  expect(none).toMatchObject({ code: 0, stdout: 'no TAP source of initech\n', stderr: '' });
  expect(noneJson).toMatchObject({ code: 0, stdout: '', stderr: 'no TAP source of initech\n' });
});

it('ppi tenants apply --dry-run says what would change, and changes nothing', async () => {
  const file = join(dataDir, 'dry.yaml');
  writeFileSync(
    file,
    `tenants: {acme: {sources: {new: {kind: tap, principal: 'env:P', secret: 'file:/s', window: 3m}}}}`,
  );
  const before = await workflows();
  const { code, stdout, stderr } = await ppi(['tenants', 'apply', '-f', file, '--dry-run', '--json'], env);
  expect(code).toBe(0);
  expect(stderr).toContain('acme/new will fall behind: its window and settle take 1440 requests a day');
  expect(jsonLines(stdout)).toEqual(
    expect.arrayContaining([
      { tenantId: 'acme', sourceId: 'new', change: 'created' },
      { tenantId: 'globex', sourceId: 'tap', change: 'removed' },
    ]),
  );
  expect(await workflows()).toEqual(before);
});

it('ppi backfill status shows all that answer, and then says which do not', async () => {
  await Promise.all([standBackfill(gone), standBackfill(kept, { state: 'backoff' })]);
  const { code, stdout } = await ppi(['backfill', 'status', '--json'], env);
  expect([code, jsonLines(stdout)]).toEqual([
    1,
    [
      expect.objectContaining({ workflowId: backfillOf(kept), state: 'backoff', execution: 'running' }),
      { error: expect.objectContaining({ code: 'source.silent', message: `no answer from ${backfillOf(gone)}` }) },
    ],
  ]);
});

describe('ppi tenants apply of a file that cannot be carried out', () => {
  const apply = async (name: string, acme: string, ...more: string[]) => {
    const file = join(dataDir, name);
    writeFileSync(file, `tenants: {acme: {sources: {${acme}}}}`);
    return ppi(['tenants', 'apply', '-f', file, '--json', ...more], env);
  };
  const fresh = `fresh: {kind: tap, principal: 'env:Q', secret: 'file:/s'}`;

  it('is refused before anything is done where the kind of a running source differs, in a dry run too', async () => {
    const sources = `${fresh}, idle: {kind: s3, table: proofpoint_gateway_filter_logs, bucket: logs}`;
    const before = await workflows();
    const answers = [await apply('kinds.yaml', sources, '--dry-run'), await apply('kinds.yaml', sources)];
    for (const ran of answers) {
      expect([ran.code, jsonError(ran)]).toEqual([
        1,
        {
          code: 'config.invalid',
          message: expect.stringMatching(
            /^tenants\.acme\.sources\.idle\.kind: is s3, and the source that runs is of kind tap/,
          ),
          remedy: expect.stringMatching(/./),
        },
      ]);
    }
    expect(await workflows()).toEqual(before);
  });

  it('says what was done where a later step fails', async () => {
    // sources that only stand take no new settings
    const ran = await apply('later.yaml', `${fresh}, idle: {kind: tap, principal: 'env:Q2', secret: 'file:/s'}`);
    await client.workflow.getHandle(workflowIdOf({ tenantId: 'acme', sourceId: 'fresh' })).terminate();
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^acme\/idle failed; done before: acme\/fresh \(created\); not done: acme\/idle \(changed\), acme\/.* \(removed\)/,
    );
  });
});

it('ppi tenants apply gives up the sources that are not in the file, and their backfills', async () => {
  const file = join(dataDir, 'fewer.yaml');
  writeFileSync(
    file,
    `tenants: {globex: {sources: {tap: {kind: tap, principal: 'env:P', secret: 'file:/s', settle: [35m, 90m]}}}}`,
  );
  const { code, stdout } = await ppi(['tenants', 'apply', '-f', file, '--json'], env);
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toEqual(
    expect.arrayContaining([
      { ...kept, change: 'unchanged' },
      { ...gone, change: 'removed' },
    ]),
  );
  const after = [
    `${backfillOf(gone)} CANCELLED`,
    `${workflowIdOf(gone)} CANCELLED`,
    `${backfillOf(kept)} RUNNING`,
    `${workflowIdOf(kept)} RUNNING`,
  ];
  await vi.waitFor(async () => expect(await workflows()).toEqual(expect.arrayContaining(after)), { timeout: 10_000 });
});
