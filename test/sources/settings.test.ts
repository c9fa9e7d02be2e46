import { describe, expect, it } from 'vitest';
import { tapSettings } from '../../sources/settings.ts';

const source = { kind: 'tap', principal: 'env:PRINCIPAL', secret: 'env:SECRET' };

describe('tapSettings', () => {
  it('has the documented defaults, in seconds', () => {
    expect(tapSettings.parse(source)).toMatchObject({ every: 300, lag: 60, window: 3600, settle: [2100, 86_400] });
  });

  it.each(['every', 'lag', 'window'])('takes %s in whole minutes up to an hour', (name) => {
    expect(tapSettings.parse({ ...source, [name]: '120s' })).toMatchObject({ [name]: 120 });
    for (const value of ['30s', '90s', '2h', '0m']) {
      expect(tapSettings.safeParse({ ...source, [name]: value }).success).toBe(false);
    }
  });
});
