import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/stack/temporal-server.ts';
import { readConfig } from '../../workers/config.ts';
import { runWorker } from '../../workers/worker.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const directory = temporaryDirectory('stopping');
let temporal: TemporalServer;
beforeAll(async () => {
  temporal = await startTemporalServer({ logFile: join(directory, 'temporal.log'), uiPort: 'none' });
});
afterAll(() => temporal.close());

it('ends when it was told to stop before it ran', async () => {
  const config = readConfig({
    TEMPORAL_ADDRESS: temporal.address,
    DATA_DIR: join(directory, 'data'),
    LOG_LEVEL: 'error',
  });
  const running = runWorker(config, AbortSignal.abort()).then(() => 'ended');
  expect(await Promise.race([running, sleep(30_000, 'runs', { ref: false })])).toBe('ended');
});
