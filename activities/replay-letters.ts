/** Parses a page of dead letters again and moves those that parse to rows. */
import type { Letter, Solved } from '../lake/dead-letters.ts';
import { chooseTable } from '../tables/choice.ts';
import type { TableName } from '../tables/table.ts';
import type { ReplayedLetters, ReplayLettersInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

export function createReplayLetters({ lake }: Dependencies) {
  /** Idempotent: a letter becomes a row once. Throws `lake.*`. */
  return async function replayLetters({ dryRun, ...page }: ReplayLettersInput): Promise<ReplayedLetters> {
    for (;;) {
      const letters = await lake.readLetters(page);
      const last = letters.at(-1);
      if (last === undefined) return { letters: 0, resolved: 0 };
      const solved = letters.flatMap((letter) => solve(page.tenantId, letter));
      // false: somebody else resolved one of them meanwhile, and the page is another one now
      if (dryRun || solved.length === 0 || (await lake.resolveLetters(page.tenantId, solved)))
        return { letters: letters.length, resolved: solved.length, next: last.letterId };
    }
  };
}

/** As the letter's batch would parse it today; empty where it still fails. */
function solve(tenantId: string, letter: Letter): Solved[] {
  const { batchId, batchKind, uri, fallbackTime, timezone, record } = letter;
  const { table, row } = parserOf(letter).parse(record, {
    tenantId,
    batchId,
    uri,
    fallbackTime,
    fallbackTimeSource: batchKind === 'tap' ? 'window' : 'object',
    timeZone: timezone,
    ingestedAt: Date.now() * 1000,
  });
  return row === undefined ? [] : [{ letter, table, row }];
}

const podTables: readonly TableName[] = chooseTable('proofpoint_on_demand').tables.map(({ name }) => name);

/** A batch that may hold records of both tables of Proofpoint on Demand has them told apart again. */
function parserOf({ table, batchTables }: Letter) {
  const isMixed = podTables.every((name) => batchTables.includes(name));
  return chooseTable(isMixed ? 'proofpoint_on_demand' : table);
}
