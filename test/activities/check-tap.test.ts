import { describe, expect, it } from 'vitest';
import { tapSteps } from '../../activities/check-tap.ts';
import type { Dependencies } from '../../activities/dependencies.ts';
import { tapSettings } from '../../sources/settings.ts';
import type { TapWindow } from '../../sources/tap/client.ts';

/** What is said of a vendor whose clock is so far off. */
async function wordsOf(clockSkewSeconds: number): Promise<string> {
  const body = [Buffer.from('{"messagesDelivered":[]}')];
  const window = { status: 200, body, clockSkewSeconds } as unknown as TapWindow;
  const dependencies = {
    tap: { readWindow: async () => window },
    secrets: { P: 'principal', S: 'secret' },
  } as unknown as Dependencies;
  const settings = tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S' });
  const read = tapSteps(dependencies, settings, new AbortController().signal).at(-1);
  return (await read?.run())?.message ?? '';
}

describe('the check of a TAP source', () => {
  it("tells how far the vendor's clock is off, and whether a source would go by it", async () => {
    expect(await wordsOf(0)).toMatch(/; clocks agree$/);
    expect(await wordsOf(-600)).toMatch(/; the vendor's clock is 600 s behind$/);
    expect(await wordsOf(7200)).toMatch(/7200 s ahead, too far to go by: look for a cache or proxy in between$/);
  });
});
