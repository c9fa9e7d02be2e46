/** The objects of a bucket and what must come of them, known before anything is read. Pure but for its random state. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { filterLines } from '../../simulator/logs/filter.ts';
import { mailOf } from '../../simulator/mail.ts';
import { type Random, seeded } from '../../simulator/random.ts';

const hourMs = 3_600_000;

/** How an object comes: in its time, into a past partition, over an older version, or with the lines of another under a new key. */
export type Coming = 'new' | 'late' | 'overwrite' | 'duplicate';

export interface Upload {
  readonly key: string;
  readonly body: Buffer;
}

export interface BucketPlan {
  readonly seed: string;
  readonly tenant: string;
  readonly prefix: string;
  /** Objects in all, about. */
  readonly keys: number;
  /** When the first of those that come while they are read is due; the others lie in the hours before. */
  readonly startMs: number;
  readonly standingHours: number;
  /** Most objects that come late are late by at most so much. */
  readonly lookBackMs: number;
}

export interface Bucket {
  readonly standingCount: number;
  /** Objects that are there before anybody reads. */
  standing(): Generator<Upload>;
  /** How those come that are uploaded later, in their order. */
  readonly comings: readonly Coming[];
  next(coming: Coming, nowMs: number): Upload;
  readonly truth: Truth;
}

/** What the lake must hold: computed from what was uploaded. */
export interface Truth {
  /** How often a line must be a row, by its MD5: as often as it stands in that object that has it most often. */
  readonly lines: ReadonlyMap<string, number>;
  /** MD5 of each line and object that has it: a row must name one of them. */
  readonly places: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  /** Versions of objects, overwritten ones included. */
  readonly versions: number;
}

const shares = { late: 0.05, overwrite: 0.01, duplicate: 0.01, new: 0.15 };

export function createBucket(plan: BucketPlan): Bucket {
  const { seed, tenant, prefix, keys, startMs, standingHours, lookBackMs } = plan;
  const random = seeded(seed, tenant, 'bucket');
  const count = (share: number) => Math.round(keys * share);
  const comings = random.shuffle(
    (['late', 'overwrite', 'duplicate', 'new'] as const).flatMap((coming) =>
      Array.from({ length: count(shares[coming]) }, () => coming),
    ),
  );
  const standingCount = keys - comings.filter((coming) => coming !== 'overwrite').length;
  const linesOf = createLines(seed, tenant);
  const lines = new Map<string, number>();
  const places = new Set<string>();
  const known = new Set<string>();
  let versions = 0;
  /** Objects that will be overwritten or shipped again. */
  const kept: { key: string; lines: readonly string[]; hour: number }[] = [];
  const keptCount = count(shares.overwrite) + count(shares.duplicate);

  function upload(key: string, content: readonly string[]): Upload {
    versions += 1;
    known.add(key);
    for (const [line, times] of countEach(content)) {
      const hash = md5(line);
      lines.set(hash, Math.max(lines.get(hash) ?? 0, times));
      places.add(md5(`${line} ${key}`));
    }
    const text = `${content.join('\n')}\n`;
    return { key, body: key.endsWith('.gz') ? gzipSync(text, { level: 1 }) : Buffer.from(text) };
  }

  function fresh(hour: number): { key: string; lines: string[]; hour: number } {
    const content = linesOf(hour, random.int(2, 5));
    // two equal lines of one object are two events
    if (random.chance(0.02)) content.push(content[0] ?? '');
    const name = `${random.hex(12)}.log${random.chance(0.3) ? '.gz' : ''}`;
    return { key: `${prefix}${partitionOf(hour)}${name}`, lines: content, hour };
  }

  return {
    standingCount,
    *standing() {
      for (let index = 0; index < standingCount; index += 1) {
        const hour = hourOf(startMs) - hourMs * (1 + (index % standingHours));
        const object = fresh(hour);
        if (kept.length < keptCount && random.chance((1.2 * keptCount) / standingCount)) kept.push(object);
        yield upload(object.key, object.lines);
      }
    },
    comings,
    next(coming, nowMs) {
      const hour = hourOf(nowMs);
      const old = coming === 'overwrite' || coming === 'duplicate' ? kept.pop() : undefined;
      if (old === undefined) {
        const { key, lines: content } = fresh(coming === 'late' ? hour - lateBy(random, lookBackMs) : hour);
        return upload(key, content);
      }
      if (coming === 'duplicate') return upload(fresh(hour).key, old.lines);
      // It has grown: whether anybody read the version before is up to chance, and must not matter.
      return upload(old.key, [...old.lines, ...linesOf(old.hour, random.int(1, 2))]);
    },
    truth: {
      lines,
      places,
      keys: known,
      get versions() {
        return versions;
      },
    },
  };

  function lateBy(draw: Random, withinMs: number): number {
    const hours = Math.max(1, Math.floor(withinMs / hourMs));
    return hourMs * (draw.chance(0.8) ? draw.int(1, hours) : draw.int(hours + 1, standingHours));
  }
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const hourOf = (timeMs: number) => Math.floor(timeMs / hourMs) * hourMs;

/** As the layout `%Y/%m/%d/%H/` has it. */
export const partitionOf = (hour: number): string =>
  `${new Date(hour).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/')}/`;

/** The next lines of an hour's filter log. */
function createLines(seed: string, tenant: string): (hour: number, count: number) => string[] {
  const hours = new Map<number, { next: number; lines: string[] }>();
  return (hour, count) => {
    const state = hours.get(hour) ?? { next: 0, lines: [] };
    hours.set(hour, state);
    while (state.lines.length < count) {
      state.lines.push(...filterLines(mailOf({ seed, tenant, hour, number: state.next })).map(({ text }) => text));
      state.next += 1;
    }
    return state.lines.splice(0, count);
  };
}

function countEach(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
