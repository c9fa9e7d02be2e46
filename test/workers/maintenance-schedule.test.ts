import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { readConfig } from '../../workers/config.ts';
import { ensureMaintenance, maintenanceScheduleId, scheduleMaintenance } from '../../workers/maintenance-schedule.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let temporal: TemporalServer;
let client: Client;
beforeAll(async () => {
  temporal = await startTemporalServer({
    logFile: join(temporaryDirectory('schedule'), 'temporal.log'),
    uiPort: 'none',
  });
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
}, 120_000);
afterAll(async () => {
  await client.connection.close();
  await temporal.close();
});

const ensure = (env: Record<string, string>) => ensureMaintenance(client, readConfig({ TASK_QUEUE: 'tests', ...env }));
const schedule = () => client.schedule.getHandle(maintenanceScheduleId('tests'));
const described = async () => {
  const { spec, action, state } = await schedule().describe();
  return { every: spec.intervals?.[0]?.every, args: action.args, paused: state.paused };
};

describe('the schedule of maintenance', () => {
  it('is there once, however many workers start', async () => {
    await Promise.all([ensure({}), ensure({}), ensure({})]);
    expect(await described()).toEqual({ every: 3_600_000, args: [{ keepSeconds: 604_800 }], paused: false });
  });

  it('is as configured, and stays paused where somebody paused it', async () => {
    await schedule().pause('an operator');
    await ensure({ MAINTAIN_EVERY: '30m', MAINTAIN_KEEP: '2d' });
    expect(await described()).toEqual({ every: 1_800_000, args: [{ keepSeconds: 172_800 }], paused: true });
  });

  it('goes where it is switched off, and need not be there', async () => {
    await ensure({ MAINTAIN_EVERY: 'off' });
    await expect(schedule().describe()).rejects.toThrow(/not found/i);
    await ensure({ MAINTAIN_EVERY: 'off' });
  });

  it('keeps no worker from its work where it cannot be made', async () => {
    const closed = await Connection.connect({ address: temporal.address });
    await closed.close();
    const warnings: string[] = [];
    const logger = { warn: (message: string) => void warnings.push(message) };
    await scheduleMaintenance(new Client({ connection: closed }), readConfig({}), logger);
    expect(warnings).toEqual([expect.stringContaining('run "ppi lake maintain" once a day')]);
    await scheduleMaintenance(client, readConfig({}), logger);
    expect(warnings).toHaveLength(1);
  });
});
