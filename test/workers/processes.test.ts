import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProcess } from '../../scripts/stack/process.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { commandLine } from '../../scripts/stack/worker-process.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let temporal: TemporalServer;
let client: Client;
const directory = temporaryDirectory('processes');
beforeAll(async () => {
  temporal = await startTemporalServer({ logFile: join(directory, 'temporal.log'), uiPort: 'none' });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
}, 60_000);
afterAll(async () => {
  await client.connection.close();
  await temporal.close();
});

/** The processes that ask for work, by the identity `pid@host`. */
async function pollers(): Promise<number[]> {
  const { pollers: found } = await client.workflowService.describeTaskQueue({
    namespace: 'default',
    taskQueue: { name: 'proofpoint-ingest' },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
  });
  return (found ?? []).map(({ identity }) => Number(identity?.split('@')[0])).toSorted((a, b) => a - b);
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function until(holds: () => boolean | Promise<boolean>, seconds = 40): Promise<void> {
  const deadlineMs = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${seconds} s`);
    await sleep(100);
  }
}

describe('ppi worker --processes 2', { timeout: 120_000 }, () => {
  it('is two workers, one of which may die, and none of which outlives it', async () => {
    const logFile = join(directory, 'worker.log');
    const { command, args } = commandLine(['worker', '--processes', '2']);
    const supervisor = await startProcess({
      name: 'workers',
      command,
      args,
      env: { ...process.env, TEMPORAL_ADDRESS: temporal.address, DATA_DIR: directory, LOG_LEVEL: 'warn' },
      logFile,
      ready: async () => (await pollers()).length === 2,
    });
    const [one = 0, other = 0] = await pollers();
    expect(new Set([supervisor.pid, one, other]).size).toBe(3);
    process.kill(one, 'SIGKILL');
    await until(async () => (await pollers()).some((pid) => pid !== one && pid !== other));
    expect(readFileSync(logFile, 'utf8')).toMatch(/a worker process died.*SIGKILL/);
    const children = (await pollers()).filter((pid) => pid !== one);
    expect(children.map(isAlive)).toEqual([true, true]);
    // without a chance to stop anything
    process.kill(supervisor.pid, 'SIGKILL');
    await supervisor.exited;
    await until(() => !children.some(isAlive));
  });
});

// it takes nothing, as a file on a full disk
const fullDisk = '/dev/full';

describe.skipIf(!existsSync(fullDisk))('ppi worker', { timeout: 120_000 }, () => {
  it('works on when its log cannot be written, and ends when it is told to', async () => {
    const { command, args } = commandLine(['worker']);
    const log = openSync(fullDisk, 'w');
    const worker = spawn(command, args, {
      env: { ...process.env, TEMPORAL_ADDRESS: temporal.address, DATA_DIR: join(directory, 'alone') },
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
    const ended = () => worker.exitCode !== null || worker.signalCode !== null;
    try {
      const { pid = 0 } = worker;
      await until(async () => ended() || (await pollers()).includes(pid));
      // the lines of its start come by then
      await sleep(1000);
      expect(ended()).toBe(false);
      worker.kill('SIGTERM');
      await until(ended);
      expect(worker.exitCode).toBe(0);
    } finally {
      worker.kill('SIGKILL');
    }
  });
});
