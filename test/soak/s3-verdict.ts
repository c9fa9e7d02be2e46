/** What a soak of S3 must have come to, for its test and its command. Pure. */
import { passKinds } from './s3-requests.ts';
import type { SoakOutcome, SoakSettings } from './s3-scenario.ts';

/** Requests may be this many times the least. */
const costMax = 1.05;

/** Bigger buckets get more time, so that uploads and kills go on while they are read, and between full listings, which take more of it. */
export function soakSettings(keys: number): Omit<SoakSettings, 'seed' | 'directory'> {
  const isBig = keys >= 10_000;
  return {
    keys,
    speed: isBig ? 300 : 900,
    uploadSeconds: Math.min(1800, Math.max(15, Math.round(keys / 250))),
    kills: isBig ? 6 : 2,
    workers: isBig ? 2 : 1,
    lookBackHours: 2,
    reconcileHours: isBig ? Math.max(12, Math.round(keys / 25_000)) : 4,
    everyMinutes: isBig ? 5 : 15,
    maintainEvery: isBig ? '5m' : 'off',
  };
}

/** Every way in which the outcome is not what it must be. */
export function faultsOf({ lists, gets, backfill, passesMax, ...outcome }: SoakOutcome): string[] {
  const checks: readonly (readonly [holds: boolean, fault: string])[] = [
    [outcome.missing === 0, `${outcome.missing} lines are not in the lake`],
    [outcome.surplus === 0, `${outcome.surplus} rows are no line, or one too often`],
    [outcome.misplaced === 0, `${outcome.misplaced} rows name an object that does not have their line`],
    [outcome.deadLetters === 0, `${outcome.deadLetters} dead letters`],
    [outcome.found['look-back'] > 0 && outcome.found.full > 0, 'nothing was late: the scenario asks too little'],
    [
      lists.requests - lists.again <= costMax * lists.least,
      `${lists.requests} List requests instead of ${lists.least}`,
    ],
    [lists.passes['look-back'] <= passesMax['look-back'], `${lists.passes['look-back']} look-backs`],
    [lists.passes.full <= passesMax.full, `${lists.passes.full} full listings`],
    [lists.tooFar === 0, `${lists.tooFar} look-backs began too far back`],
    [gets.requests - gets.again <= costMax * gets.least, `${gets.requests} Get requests instead of ${gets.least}`],
    [gets.again <= gets.againMax, `${gets.again} objects were read again`],
    [backfill.seen === outcome.keys, `the backfill saw ${backfill.seen} of ${outcome.keys} objects`],
    [backfill.rowsAdded === 0 && backfill.batches === 0, `the backfill added ${backfill.rowsAdded} rows`],
    [backfill.gets === 0, `the backfill read ${backfill.gets} objects`],
    [backfill.lists <= Math.ceil(outcome.keys / 1000) * costMax, `the backfill listed ${backfill.lists} times`],
  ];
  return checks.flatMap(([holds, fault]) => (holds ? [] : [fault]));
}

export function summaryOf({ lists, gets, backfill, ...outcome }: SoakOutcome): string[] {
  const share = (requests: number, least: number) => `${(requests / least).toFixed(3)} of the least, ${least}`;
  return [
    `${outcome.keys} keys, ${outcome.versions} versions, ${outcome.lines} lines; ${outcome.kills} workers killed`,
    `lake: ${outcome.missing} missing, ${outcome.surplus} too many, ${outcome.misplaced} misplaced, ${outcome.deadLetters} dead letters`,
    `List: ${lists.requests}, ${lists.again} of them again after a kill; the others ${share(lists.requests - lists.again, lists.least)}`,
    ...passKinds.map((kind) => `  ${kind}: ${lists.requestsOf[kind]} in ${lists.passes[kind]} passes`),
    `Get: ${gets.requests}, ${gets.again} of them again after a kill; the others ${share(gets.requests - gets.again, gets.least)}`,
    `found behind the cursor: ${outcome.found['look-back']} by look-back, ${outcome.found.full} by full listing`,
    `backfill over all of it: ${backfill.seen} objects, ${backfill.rowsAdded} rows added, ${backfill.lists} List, ${backfill.gets} Get`,
    `${outcome.objectsPerSecond.toFixed(0)} objects a second while uploads and kills went on`,
  ];
}
