import { describe, expect, it } from 'vitest';
import { IngestError } from '../../errors/ingest-error.ts';
import { createCommitter } from '../../lake/committer.ts';
import type { SealedStage } from '../../lake/stage.ts';
import { objectHeader } from '../support/lake.ts';

const stage = (name: string): SealedStage => ({
  header: objectHeader(name),
  tables: [],
  counts: new Map(),
  drift: [],
  ingestedAt: 0,
});
const nameOf = ({ header }: SealedStage) => header.uri.split('/').at(-1) ?? '';

describe('group commit', () => {
  it('takes what waits while a commit runs as the next group', async () => {
    const groups: string[][] = [];
    const committer = createCommitter(async (stages) => {
      groups.push(stages.map(nameOf));
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    await Promise.all(['a', 'b', 'c'].map((name) => committer.commit(stage(name))));
    expect(groups).toEqual([['a'], ['b', 'c']]);
  });

  it('lets a batch that cannot be committed fail alone', async () => {
    const committed: string[] = [];
    const committer = createCommitter(async (stages) => {
      if (stages.some((each) => nameOf(each) === 'bad')) throw new Error('conversion failed');
      committed.push(...stages.map(nameOf));
    });
    const outcomes = await Promise.allSettled(
      ['first', 'good', 'bad', 'fine'].map((name) => committer.commit(stage(name))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(committed).toEqual(['first', 'good', 'fine']);
  });

  it('does not try each batch alone when the lake itself is down', async () => {
    let tries = 0;
    const committer = createCommitter(async () => {
      tries += 1;
      throw new IngestError('lake.unavailable', 'lake: down');
    });
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((name) => committer.commit(stage(name))));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(tries).toBe(2);
  });
});
