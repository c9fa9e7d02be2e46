import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.ts';
import { runFairness } from './fairness.ts';

const directory = temporaryDirectory('fairness');
const objects = Number(process.env['FAIRNESS_OBJECTS'] ?? 3000);

describe('one activity slot, and a tenant with thousands of waiting objects', { timeout: 900_000 }, () => {
  it('delays the single object of another tenant by a few seconds only', async () => {
    const { seconds, rows, groupSeconds } = await runFairness({ directory: join(directory, 'data'), objects });
    expect(seconds.length).toBeGreaterThan(0);
    expect(rows).toBe(2 * seconds.length);
    // listing and loading wait for a group of the other tenant each; twenty groups wait
    const outcome = { most: Math.max(...seconds), groupSeconds };
    expect(outcome).toMatchObject({ most: expect.toSatisfy((most: number) => most < 8) as number });
  });
});
