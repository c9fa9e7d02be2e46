import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../workers/config.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import * as workflows from '../../workflows/index.ts';
import { recordedHistories } from '../support/histories.ts';

describe('histories of earlier versions', () => {
  const histories = recordedHistories();
  let codePath: string;
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    codePath = await workflowBundlePath(readConfig({}));
  });

  it('are there for every workflow', () => {
    const recorded = new Set(histories.map(({ file }) => file.split('-')[0]));
    expect(recorded).toEqual(new Set(Object.keys(workflows)));
  });

  it.each(histories)('replay on the code of today: $file', async ({ history }) => {
    await expect(Worker.runReplayHistory({ workflowBundle: { codePath } }, history)).resolves.toBeUndefined();
  });

  it('would not replay if they told of other commands', async () => {
    const changed = structuredClone(histories.find(({ file }) => file.startsWith('s3Source'))?.history) as {
      events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
    };
    for (const { activityTaskScheduledEventAttributes: scheduled } of changed.events)
      if (scheduled) scheduled.activityType.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle: { codePath } }, changed)).rejects.toThrow(
      /[Nn]on-?determinism/,
    );
  });
});
