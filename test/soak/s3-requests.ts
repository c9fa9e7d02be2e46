/** What the List requests of a source with hour partitions come to, and what they must come to at least. Pure. */
import { isKeyBefore } from '../../sources/s3/plan.ts';
import type { ListRequest } from '../support/s3-meter.ts';

export const passKinds = ['live', 'look-back', 'full'] as const;
export type PassKind = (typeof passKinds)[number];
type PerPass = Readonly<Record<PassKind, number>>;

export interface ListCost {
  /** All that reached the server. */
  readonly requests: number;
  /** One for each 1,000 keys of each pass, and at least one a pass. */
  readonly least: number;
  /** Begun by a worker that was killed, and done again by another. */
  readonly again: number;
  readonly passes: PerPass;
  readonly requestsOf: PerPass;
  /** Look-backs that began further back than they may. */
  readonly tooFar: number;
}

const pageKeysMax = 1000;

interface Pass {
  readonly kind: PassKind;
  readonly keys: Set<string>;
  lastKey: string;
  requests: number;
}

/**
 * Follows each pass through its requests: one goes on behind the last key of the one before. `earliest` gives the partition in which a
 * look-back may begin when the one before began at that time, from what the live listing had reached before then.
 */
export function listCost(
  lists: readonly ListRequest[],
  earliest: (atMs: number, reachedAt: (atMs: number) => string) => string,
): ListCost {
  const passes: Pass[] = [];
  const asked = new Set<string>();
  const reached: { atMs: number; key: string }[] = [{ atMs: 0, key: '' }];
  const reachedAt = (atMs: number) => reached.findLast((each) => each.atMs <= atMs)?.key ?? '';
  let [again, tooFar] = [0, 0];
  /** When the last two look-backs began; the last may have died with its worker. */
  let lookedBackMs: [number, number] = [0, 0];

  function begin(kind: PassKind): Pass {
    const pass = { kind, keys: new Set<string>(), lastKey: '', requests: 0 };
    passes.push(pass);
    return pass;
  }

  for (const { atMs, startAfter, keys } of lists) {
    const goesOn = startAfter !== '' && !startAfter.endsWith('/');
    let pass = goesOn
      ? (passes.findLast(({ lastKey }) => lastKey === startAfter) ??
        passes.findLast((each) => each.keys.has(startAfter)))
      : undefined;
    if (goesOn && pass?.lastKey !== startAfter && asked.has(startAfter)) {
      again += 1;
      continue;
    }
    if (pass === undefined) {
      const kind = kindOf(startAfter, reachedAt(atMs));
      if (kind === 'look-back') {
        if (isKeyBefore(startAfter, earliest(lookedBackMs[0], reachedAt))) tooFar += 1;
        lookedBackMs = [lookedBackMs[1], atMs];
      }
      pass = begin(kind);
    }
    pass.requests += 1;
    pass.lastKey = keys.at(-1) ?? startAfter;
    for (const key of keys) pass.keys.add(key);
    asked.add(startAfter);
    if (pass.kind === 'live' && isKeyBefore(reachedAt(atMs), pass.lastKey)) reached.push({ atMs, key: pass.lastKey });
  }
  const per = (count: (pass: Pass) => number): PerPass => {
    const sums = { live: 0, 'look-back': 0, full: 0 };
    for (const pass of passes) sums[pass.kind] += count(pass);
    return sums;
  };
  return {
    requests: lists.length,
    least: passes.reduce((sum, { keys }) => sum + Math.max(1, Math.ceil(keys.size / pageKeysMax)), 0),
    again,
    passes: per(() => 1),
    requestsOf: per(({ requests }) => requests),
    tooFar,
  };
}

/** The first pass of all is live; later ones from the start are full, and those from the live listing's own partition live. */
function kindOf(startAfter: string, reached: string): PassKind {
  if (startAfter === '') return reached === '' ? 'live' : 'full';
  return startAfter === reached.slice(0, reached.lastIndexOf('/') + 1) ? 'live' : 'look-back';
}
