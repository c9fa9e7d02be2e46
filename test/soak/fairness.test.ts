import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.ts';
import { runFairness } from './fairness.ts';

const directory = temporaryDirectory('fairness');
const objects = Number(process.env['FAIRNESS_OBJECTS'] ?? 1500);

describe('one activity slot, and a tenant with thousands of waiting objects', { timeout: 900_000 }, () => {
  it('delays the single object of another tenant by a few seconds only', async () => {
    const { seconds, rows, groupSeconds } = await runFairness({ directory: join(directory, 'data'), objects });
    expect(seconds.length).toBeGreaterThan(0);
    expect(rows).toBe(2 * seconds.length);
    // Listing and loading each wait for a group of the other tenant; forty wait. On a busy machine groups take longer than 2 s.
    const most = Math.max(...seconds);
    const bound = Math.max(8, 4 * groupSeconds[1]);
    expect({ most, groupSeconds }).toMatchObject({
      most: expect.toSatisfy((value: number) => value < bound) as number,
    });
  });
});
