import { describe, expect, it, vi } from 'vitest';
import { sourceStatus, updateSource } from '../../scripts/source-registry.ts';
import { callsOf, client, name, objects, s3, start, tap, until } from './world.ts';

describe('a source of any kind', () => {
  it('carries cursor, totals and search attributes into its next run', async () => {
    objects.set('long', ['p/1']);
    await start('long', s3());
    await until('long', ({ pipelineState }) => pipelineState === 'idle');
    const handle = client.workflow.getHandle('ingest/long/source');
    const firstRun = (await handle.describe()).runId;
    for (let polls = 0; polls < 101; polls += 1) await updateSource(client, name('long'), 'pollNow');
    await until('long', ({ pipelineState }) => pipelineState === 'idle');
    // a query sees the state a moment before the server does
    const description = await vi.waitFor(async () => {
      const described = await handle.describe();
      expect(described.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])).toEqual(
        expect.arrayContaining([
          ['TenantId', 'long'],
          ['PipelineState', 'idle'],
        ]),
      );
      return described;
    }, 10_000);
    expect(description.runId).not.toBe(firstRun);
    expect(description.priority).toMatchObject({ priorityKey: 2, fairnessKey: 'long' });
    expect(await sourceStatus(client, name('long'))).toMatchObject({ cursor: 'p/1', totals: { batches: 1 } });
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('State: **idle**');
  }, 120_000);

  it('pauses at once and stays paused across a poll of its own', async () => {
    await start('paused', s3());
    await until('paused', ({ pipelineState }) => pipelineState === 'idle');
    await updateSource(client, name('paused'), 'pause', { reason: 'bucket moves' });
    const lists = callsOf('paused', 'list').length;
    await expect(updateSource(client, name('paused'), 'pollNow')).rejects.toMatchObject({ code: 'source.refused' });
    expect(await sourceStatus(client, name('paused'))).toMatchObject({
      pipelineState: 'paused',
      pauseReason: 'bucket moves',
    });
    expect(callsOf('paused', 'list')).toHaveLength(lists);
  });

  it('refuses settings of another kind', async () => {
    await start('kinds', s3());
    await until('kinds', ({ pipelineState }) => pipelineState === 'idle');
    await expect(updateSource(client, name('kinds'), 'reconfigure', { settings: tap() })).rejects.toThrow(/kind s3/);
  });
});

describe('a source that does not run', () => {
  it('is said to be unknown', async () => {
    await expect(sourceStatus(client, name('nobody'))).rejects.toMatchObject({ code: 'source.unknown' });
  });
});
