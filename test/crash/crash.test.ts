import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDemoWorld, demoCredentials, type DemoWorld } from '../../scripts/demo/world.ts';
import { type S3Server, startS3Server } from '../../scripts/stack/s3-server.ts';
import { seeded } from '../../simulator/random.ts';
import { createMutant, type Mutation, removeMutant } from '../support/mutant.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { type Blow, runScenario } from './scenario.ts';

process.env['ALLOW_PRIVATE_ENDPOINTS'] = '1';
const directory = temporaryDirectory('crash');
let postgres: PostgresServer;
let s3: S3Server;
let world: DemoWorld;
beforeAll(async () => {
  [postgres, s3] = await Promise.all([
    startPostgres({ dataDir: join(directory, 'postgres') }),
    startS3Server({ dataDir: join(directory, 's3'), ...demoCredentials }),
  ]);
  world = await createDemoWorld({ seed: 'crash', s3Endpoint: s3.endpoint });
}, 120_000);
afterAll(async () => {
  await world.tap.close();
  await s3.close();
  await postgres.close();
});

/** Twelve kills and two frozen workers; seeded, so that a failure can be looked at again. */
const seed = process.env['CRASH_SEED'] ?? String(Date.now());

const times = (count: number, blow: Blow) => Array.from({ length: count }, () => blow);

async function outcome(name: string, blows: readonly Blow[], ...mutations: readonly Mutation[]): Promise<string[]> {
  const root = createMutant('impatient', ...mutations);
  const random = seeded(seed, name);
  try {
    return await runScenario({
      name,
      root,
      world,
      postgres,
      directory,
      blows: random.shuffle(blows),
      isMutant: mutations.length > 0,
      random: () => random.next(),
    });
  } finally {
    removeMutant(root);
  }
}

describe(`workers that die at any moment (CRASH_SEED=${seed})`, { timeout: 900_000 }, () => {
  it.concurrent('leave every record in the lake exactly once', async () => {
    const blows = [...times(7, 'kill'), ...times(5, 'kill-after-commit'), ...times(2, 'freeze-in-commit')];
    expect(await outcome('real', blows)).toEqual([]);
  });

  it.concurrent('leave the ledger wrong in a copy that does not ask it', async () => {
    expect(await outcome('no-ledger', times(4, 'kill-after-commit'), 'no-ledger')).not.toEqual([]);
  });

  it.concurrent('leave rows twice in a copy without the fence', async () => {
    expect(await outcome('no-fence', times(5, 'freeze-in-commit'), 'no-fence')).not.toEqual([]);
  });
});
