import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { readConfig } from '../../workers/config.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import { temporaryDirectory } from '../support/temporary.ts';

it('goes on with the other tables where one cannot be merged, and fails in the end', { timeout: 120_000 }, async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const logFile = join(temporaryDirectory('maintenance'), 'temporal.log');
  const temporal = await startTemporalServer({ logFile, uiPort: 'none' });
  const [connection, own] = await Promise.all([
    Connection.connect({ address: temporal.address }),
    NativeConnection.connect({ address: temporal.address }),
  ]);
  const done: string[] = [];
  const broken = new Set(['wide']);
  const worker = await Worker.create({
    connection: own,
    taskQueue: 'maintenance',
    workflowBundle: { codePath: await workflowBundlePath(readConfig({})) },
    activities: {
      mergeableTables: async () => ['wide', 'small', 'batches'],
      async mergeFiles(table: string) {
        if (broken.has(table)) throw ApplicationFailure.nonRetryable('no room', 'lake.memory');
        done.push(table);
        return { table, filesBefore: 5, filesAfter: table === 'small' ? 5 : 1 };
      },
      async removeUnneeded({ keepSeconds }: { keepSeconds: number }) {
        done.push(`older than ${keepSeconds}`);
        return { snapshotsExpired: 3, filesDeleted: 2, leftoversDeleted: 1 };
      },
    },
  });
  const { workflow } = new Client({ connection });
  const run = (workflowId: string) =>
    workflow.execute('lakeMaintenance', { workflowId, taskQueue: 'maintenance', args: [{ keepSeconds: 7200 }] });
  try {
    await worker.runUntil(async () => {
      await expect(run('broken')).rejects.toMatchObject({ cause: { cause: { type: 'lake.memory' } } });
      expect(done).toEqual(['small', 'batches', 'older than 7200']);
      broken.clear();
      expect(await run('well')).toEqual({
        merged: ['wide', 'batches'].map((table) => ({ table, filesBefore: 5, filesAfter: 1 })),
        snapshotsExpired: 3,
        filesDeleted: 2,
        leftoversDeleted: 1,
      });
    });
  } finally {
    await Promise.all([connection.close(), own.close()]);
    await temporal.close();
  }
});
