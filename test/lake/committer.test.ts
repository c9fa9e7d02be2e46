import { describe, expect, it } from 'vitest';
import { IngestError } from '../../errors/ingest-error.ts';
import { createCommitter } from '../../lake/committer.ts';
import { deadLetterTable } from '../../lake/schema.ts';
import type { SealedStage } from '../../lake/stage.ts';
import { objectHeader } from '../support/lake.ts';

const stage = (name: string): SealedStage => ({
  header: objectHeader(name),
  tables: [],
  counts: new Map(),
  longestBytes: 0,
  drift: [],
  ingestedAt: 0,
});
const receipts = (stages: readonly SealedStage[]) =>
  new Map(stages.map(({ header: { batchId } }) => [batchId, { batchId, tables: [] }]));
const nameOf = ({ header }: SealedStage) => header.uri.split('/').at(-1) ?? '';

describe('group commit', () => {
  it('takes what waits while a commit runs as the next group', async () => {
    const groups: string[][] = [];
    const committer = createCommitter(async (stages) => {
      groups.push(stages.map(nameOf));
      await new Promise((resolve) => setTimeout(resolve, 5));
      return receipts(stages);
    });
    await Promise.all(['a', 'b', 'c'].map((name) => committer.commit(stage(name))));
    expect(groups).toEqual([['a'], ['b', 'c']]);
  });

  it('takes hundreds of batches whose rows are in memory at once, and fewer with tables of their own', async () => {
    const sizes: number[] = [];
    const committer = createCommitter(async (stages) => {
      sizes.push(stages.length);
      return receipts(stages);
    });
    const staged = { table: deadLetterTable, relation: '', rowCount: 1, sizeBytes: 1 };
    const small = Array.from({ length: 600 }, (_, index) => stage(`small-${index}`));
    const large = Array.from({ length: 70 }, (_, index) => ({ ...stage(`large-${index}`), tables: [staged] }));
    await Promise.all([...small, ...large].map((each) => committer.commit(each)));
    // the first finds nobody waiting
    expect(sizes).toEqual([1, 512, 151, 6]);
  });

  it('waits for batches that are being filled, but not for long', async () => {
    const groups: string[][] = [];
    let worthMs = 300;
    const committer = createCommitter(
      async (stages) => {
        groups.push(stages.map(nameOf));
        return receipts(stages);
      },
      () => worthMs,
    );
    const first = committer.commit(stage('first'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = committer.commit(stage('second'));
    worthMs = 0;
    await Promise.all([first, second]);
    worthMs = 50;
    await committer.commit(stage('third'));
    expect(groups).toEqual([['first', 'second'], ['third']]);
  });

  it('lets a batch that cannot be committed fail alone', async () => {
    const committed: string[] = [];
    const committer = createCommitter(async (stages) => {
      if (stages.some((each) => nameOf(each) === 'bad')) throw new Error('conversion failed');
      committed.push(...stages.map(nameOf));
      return receipts(stages);
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
