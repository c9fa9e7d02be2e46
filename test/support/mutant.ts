/** Copies of the product with one safeguard taken out: a test that they pass as well shows nothing. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

const rooms = [
  'activities',
  'errors',
  'hunt',
  'lake',
  'scripts',
  'simulator',
  'sources',
  'tables',
  'test/support',
  'workers',
  'workflows',
];

interface Edit {
  readonly file: string;
  /** Must stand in the file, once. */
  readonly from: string;
  readonly to: string;
}

/** The safeguards of exactly-once, and what taking each out looks like. */
export const mutations = {
  'no-ledger': [
    {
      file: 'lake/commit.ts',
      from: 'const fresh = waiting.filter(({ header }) => !loaded.has(header.batchId));',
      to: 'const fresh = loaded.size < 0 ? [] : waiting;',
    },
    { file: 'activities/load-batch.ts', from: 'if (earlier !== undefined) return totals(earlier);', to: '' },
    {
      file: 'activities/object-group.ts',
      from: `if (receipt !== undefined) return { kind: 'loaded', loaded: totals(receipt), archived: false, known: true };`,
      to: 'void receipt;',
    },
    {
      file: 'activities/list-objects.ts',
      from: 'if (wanted && !loaded.has(idOf(input, object))) {',
      to: 'if (wanted) {',
    },
  ],
  /** No safeguard, but minutes of a test: a dead worker is noticed sooner. */
  impatient: [
    {
      file: 'workflows/activity-options.ts',
      from: `const heartbeatTimeout = '20s';`,
      to: `const heartbeatTimeout = '4s';`,
    },
  ],
  'no-fence': [
    { file: 'lake/fence.ts', from: `await connection.run('UPDATE lake.fence SET commits = commits + 1');`, to: '' },
  ],
} as const satisfies Record<string, readonly Edit[]>;

export type Mutation = keyof typeof mutations;

interface Hurry {
  readonly originMs: number;
  /** What time it is at `originMs`; default: that. */
  readonly startMs?: number;
  readonly speed: number;
  /** At this time, as the copy tells it, its time leaps ahead by `leapMs`, and then goes no faster than the machine's. */
  readonly untilMs?: number;
  readonly leapMs?: number;
}

/** What time it is in a copy that was hurried so. */
export function hurriedMs({ originMs, startMs = originMs, speed, untilMs = Infinity, leapMs = 0 }: Hurry): number {
  const spanMs = Date.now() - originMs;
  const hurriedSpanMs = (untilMs - startMs) / speed;
  return Math.floor(spanMs < hurriedSpanMs ? startMs + spanMs * speed : untilMs + leapMs + spanMs - hurriedSpanMs);
}

/** Makes days pass in minutes: `speed` seconds for each second of the machine, beginning at `originMs`, with time-outs to match. */
export function hurry({ originMs, startMs = originMs, speed, untilMs = Infinity, leapMs = 0 }: Hurry): Edit[] {
  const hurriedSpanMs = (untilMs - startMs) / speed;
  return [
    {
      file: 'sources/clock.ts',
      from: 'return Date.now();',
      to: `const spanMs = Date.now() - ${originMs};
  return Math.floor(spanMs < ${hurriedSpanMs} ? ${startMs} + spanMs * ${speed} : ${untilMs + leapMs - hurriedSpanMs} + spanMs);`,
    },
    { file: 'sources/clock.ts', from: 'return spanMs;', to: `return spanMs / ${speed};` },
    { file: 'workflows/activity-options.ts', from: `initialInterval: '1s'`, to: `initialInterval: '100ms'` },
    { file: 'workflows/activity-options.ts', from: `maximumInterval: '30s'`, to: `maximumInterval: '1s'` },
    {
      file: 'sources/tap/client.ts',
      from: '{ connect: 10_000, headers: 180_000, body: 60_000 }',
      to: '{ connect: 1500, headers: 1500, body: 1500 }',
    },
  ];
}

/** Makes the copy inside the project, where it finds its packages; gives its root. */
export function createMutant(...names: readonly Mutation[]): string {
  return createCopy(
    names.join('+'),
    names.flatMap((name): readonly Edit[] => mutations[name]),
  );
}

export function createCopy(name: string, edits: readonly Edit[]): string {
  const root = join(projectRoot, '.tools/mutants', `${name}-${process.pid}`);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (const room of rooms) cpSync(join(projectRoot, room), join(root, room), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(join(projectRoot, file), join(root, file));
  for (const { file, from, to } of edits) {
    const text = readFileSync(join(root, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`an edit does not fit ${file} any more: ${from}`);
    writeFileSync(join(root, file), text.replace(from, to));
  }
  return root;
}

export function removeMutant(root: string): void {
  rmSync(root, { recursive: true, force: true });
}
