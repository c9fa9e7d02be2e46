import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary.ts';
import { runS3Soak } from './s3-scenario.ts';
import { faultsOf, soakSettings, summaryOf } from './s3-verdict.ts';

const directory = temporaryDirectory('soak-s3');

describe('a bucket that grows, late and overwritten, while workers are killed', { timeout: 600_000 }, () => {
  it('is in the lake exactly once, by as few requests as its passes need', async () => {
    const outcome = await runS3Soak({ ...soakSettings(3000), seed: 's3', directory });
    // the summary stands in the message of a failure
    expect({ faults: faultsOf(outcome), summary: summaryOf(outcome) }).toMatchObject({ faults: [] });
    expect(outcome.versions).toBeGreaterThan(outcome.keys);
  });
});
