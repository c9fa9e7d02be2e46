import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openLake } from '../../lake/lake.ts';
import { s3Settings, tapSettings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { type BackfillStatus, backfillWorkflowIdOf } from '../../workflows/backfill-state.ts';
import { sourceIdKey, tenantIdKey } from '../../workflows/search-attributes.ts';
import { noTotals, type SourceStatus } from '../../workflows/source-state.ts';
import { projectRoot } from '../support/mutant.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { jsonError, jsonLines, ppi, run } from './cli.ts';
import { silentQueue, type Standing, standingQueue, startStanding } from './standing.ts';

const dataDir = temporaryDirectory('completeness');
const minute = 60_000;
const hour = 60 * minute;
const iso = (timeMs: number) => new Date(timeMs).toISOString();
/** A whole minute. */
const beganMs = Math.floor(Date.now() / minute) * minute - 2 * hour;
const s3 = s3Settings.parse({ kind: 's3', table: 'proofpoint_gateway_filter_logs', bucket: 'logs' });

let standing: Standing;
let env: Record<string, string>;

function source(tenantId: string, sourceId: string, changes: Partial<SourceStatus> = {}): SourceStatus {
  return {
    tenantId,
    sourceId,
    kind: 'tap',
    pipelineState: 'idle',
    cursor: iso(beganMs + hour),
    startedFrom: iso(beganMs),
    consecutiveErrors: 0,
    totals: noTotals,
    settings: tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'file:/s', lag: '5m' }),
    ...changes,
  };
}

/** One run of a backfill of globex, with the numbers that are given. */
async function startBackfill(day: number, changes: Partial<BackfillStatus>) {
  const range = { from: `2026-01-0${day}T00:00:00Z`, to: `2026-01-0${day + 1}T00:00:00Z` };
  const status: BackfillStatus = {
    tenantId: 'globex',
    sourceId: 'tap',
    ...range,
    state: 'running',
    unitsTotal: 24,
    done: 12,
    failedCount: 0,
    failed: [],
    totals: noTotals,
    requests: 12,
    startedAt: range.from,
    etaSeconds: 3600,
    ...changes,
  };
  return standing.client.workflow.start('tapBackfill', {
    workflowId: backfillWorkflowIdOf(status),
    taskQueue: standingQueue,
    args: [status],
    typedSearchAttributes: [
      { key: tenantIdKey, value: status.tenantId },
      { key: sourceIdKey, value: status.sourceId },
    ],
  });
}

/** Visibility is a second behind. */
async function seen(...wanted: string[]): Promise<void> {
  const all = wanted.map((each) => expect.stringMatching(each) as string);
  await vi.waitFor(async () => expect(await standing.workflows()).toEqual(expect.arrayContaining(all)), 15_000);
}

beforeAll(async () => {
  standing = await startStanding(dataDir);
  env = { ...standing.env, TASK_QUEUE: standingQueue };
  await (await openLake(readConfig(env).lake)).close();
  await standing.stand(source('acme', 'tap', { cursor: iso(beganMs + 26 * hour) }));
  await standing.stand(source('acme', 'logs', { kind: 's3', settings: s3 }));
  await standing.stand(source('globex', 'tap'));
  await standing.stand(source('hooli', 'tap'));
  await standing.stand(source('hooli', 'silent'), silentQueue);
  await seen('/acme/tap ', '/acme/logs ', '/globex/tap ', '/hooli/tap ', '/hooli/silent ');
});

afterAll(() => standing.close());

describe('a TAP cursor that lies in the future', () => {
  /** Nothing younger than the lag is read. */
  const latestMs = () => Date.now() - 5 * minute;

  it('makes no gap of time that is to come', async () => {
    const [list, fill] = [
      await ppi(['gaps', 'list', '--tenant', 'acme', '--json'], env),
      await ppi(['gaps', 'fill', '--tenant', 'acme', '--json'], env),
    ];
    for (const { code, stdout } of [list, fill]) {
      const [gap, ...others] = jsonLines(stdout) as { from: string; to: string }[];
      expect([code, others, Date.parse(gap?.from ?? '')]).toEqual([0, [], beganMs]);
      expect(Date.parse(gap?.to ?? '')).toBeLessThanOrEqual(latestMs());
      expect(Date.parse(gap?.to ?? '')).toBeGreaterThan(beganMs + hour);
    }
  });

  it('lets no backfill read it', async () => {
    const range = ['--from', iso(beganMs), '--to', iso(beganMs + 26 * hour)];
    const { stdout } = await ppi(['backfill', 'plan', '--tenant', 'acme', '--source', 'tap', '--json', ...range], env);
    const [plan] = jsonLines(stdout) as { windows: number }[];
    expect([2, 3]).toContain(plan?.windows);
  });
});

it('fill-gaps.sh fills the gaps of all that answer, and fails because one does not', async () => {
  const program = { PPI: `${process.execPath} --import tsx scripts/ppi.ts` };
  const { code, stdout, stderr } = await run('scripts/examples/fill-gaps.sh', [], { ...env, ...program });
  expect(code).toBe(1);
  const lines = stdout.trimEnd().split('\n');
  for (const tenant of ['globex', 'hooli']) {
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${tenant}/tap: .* can be filled$`)));
    expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^${tenant}/tap: started, \\d+ windows`)));
  }
  expect(stdout).not.toContain('undefined');
  expect(stderr).toContain('no answer from hooli/silent\n');
});

describe('ppi backfill status', () => {
  it('shows the numbers of each run where a time was read again', async () => {
    for (const done of [7, 24]) {
      const handle = await startBackfill(1, { state: 'done', done });
      await handle.result();
      await seen(`${handle.workflowId} COMPLETED`);
    }
    await vi.waitFor(async () => {
      const { stdout } = await ppi(['backfill', 'status', '--tenant', 'globex', '--source', 'tap', '--json'], env);
      const runs = (jsonLines(stdout) as BackfillStatus[]).filter(({ from }) => from === '2026-01-01T00:00:00Z');
      expect(runs.map(({ done }) => done)).toEqual([24, 7]);
    }, 60_000);
  });

  it('refuses a tenant that is none, and to watch where there is nothing', async () => {
    const status = (...args: string[]) => ppi(['backfill', 'status', '--json', ...args], env);
    const [unknown, watched, none, noneWatched] = await Promise.all([
      status('--tenant', 'ACME'),
      status('--tenant', 'ACME', '--watch'),
      status('--tenant', 'acme', '--source', 'logs'),
      status('--tenant', 'acme', '--source', 'logs', '--watch'),
    ]);
    for (const ran of [unknown, watched]) {
      expect([ran.code, jsonError(ran).message]).toEqual([
        2,
        'no tenant "ACME" has a source that runs (the case of letters counts); known: acme, globex, hooli',
      ]);
    }
    expect(none).toMatchObject({ code: 0, stdout: '' });
    expect([noneWatched.code, jsonError(noneWatched)]).toEqual([
      1,
      expect.objectContaining({
        code: 'backfill.unknown',
        message: 'no backfill of acme/logs: there is nothing to watch',
      }),
    ]);
  });
});

it('ppi backfill cancel says that it was cancelled, and tells no time left', async () => {
  for (const day of [3, 5]) await startBackfill(day, {});
  await seen('/2026-01-03.* RUNNING', '/2026-01-05.* RUNNING');
  const cancel = (day: number, ...more: string[]) => {
    const range = ['--from', `2026-01-0${day}`, '--to', `2026-01-0${day + 1}`];
    return ppi(['backfill', 'cancel', '--tenant', 'globex', '--source', 'tap', ...range, ...more], env);
  };
  const [page, json] = await Promise.all([cancel(3), cancel(5, '--json')]);
  expect([page.code, page.stderr]).toEqual([0, '']);
  expect(page.stdout).toContain('- State: **cancelled**\n');
  expect(page.stdout).not.toContain('Time left');
  expect(jsonLines(json.stdout)).toMatchObject([{ execution: 'cancelled', done: 12 }]);
});

describe('ppi backfill of an S3 source', () => {
  const plan = ['backfill', 'plan', '--tenant', 'acme', '--source', 'logs', '--from', '-1h', '--to', 'now', '--json'];

  it('says so where no worker counts the objects, and leaves no count behind', async () => {
    const ran = await ppi(plan, { ...env, TASK_QUEUE: silentQueue });
    expect([ran.code, jsonError(ran)]).toEqual([
      1,
      expect.objectContaining({
        code: 'source.silent',
        message: 'source acme/logs: no worker answered within 10 s',
      }),
    ]);
    await seen('^count/acme/logs/.* TERMINATED');
  });

  it('ends the count when it is interrupted itself', async () => {
    const { PATH = '', HOME = '' } = process.env;
    const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', 'scripts/ppi.ts', ...plan], {
      cwd: projectRoot,
      stdio: 'ignore',
      env: { PATH, HOME, ...env },
    });
    await seen('^count/acme/logs/.* RUNNING');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    await vi.waitFor(async () => expect((await standing.workflows()).join()).not.toMatch(/count\/\S+ RUNNING/), 15_000);
  });
});

it('ppi coverage refuses a range that is reversed or empty', async () => {
  const coverage = (...range: string[]) =>
    ppi(['coverage', '--tenant', 'globex', '--source', 'tap', '--json', ...range], env);
  const [reversed, empty, early, future, within] = await Promise.all([
    coverage('--from', 'now', '--to', '-1h'),
    coverage('--from', iso(beganMs), '--to', iso(beganMs)),
    coverage('--to', iso(beganMs - hour)),
    coverage('--from', iso(Date.now() + hour)),
    coverage('--from', iso(beganMs - hour + 10_000), '--to', iso(beganMs - hour + 20_000)),
  ]);
  for (const ran of [reversed, empty, early, future])
    expect([ran.code, jsonError(ran)]).toEqual([
      2,
      expect.objectContaining({ code: 'usage', message: '--from must be before --to' }),
    ]);
  expect(within.code).toBe(0);
  expect(jsonLines(within.stdout)).toMatchObject([{ state: 'unread' }]);
});
