import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Dependencies } from '../../activities/dependencies.ts';
import { openBatch } from '../../activities/load-batch.ts';
import type { Stage } from '../../lake/stage.ts';
import { tapSettings } from '../../sources/settings.ts';

/** More than the buffers on its way hold, also compressed. */
const clicksBlocked = Array.from({ length: 10_000 }, () => ({ id: randomUUID(), url: 'https://a.test' }));
const landedBytes = gzipSync(JSON.stringify({ clicksBlocked }));

/** A window whose landed bytes come as `chunks`, and how to fill a stage with it. */
function windowOf(chunks: AsyncIterable<Uint8Array>) {
  const landing = { open: async () => chunks } as unknown as Dependencies['landing'];
  const settings = tapSettings.parse({ kind: 'tap', principal: 'env:P', secret: 'env:S' });
  const batch = { kind: 'tap', from: '2026-01-31T05:00:00Z', to: '2026-01-31T06:00:00Z', pass: 'live' } as const;
  const input = { tenantId: 'acme', sourceId: 'tap', settings, batch };
  return openBatch({ landing } as Dependencies, input, new AbortController().signal);
}

const stageOf = (addRow: Stage['addRow']): Stage =>
  ({ header: { batchId: 'b' }, ingestedAt: 0, addRow, ready: async () => undefined }) as unknown as Stage;

describe('a window in landing', () => {
  it('is closed when its reader goes away in the midst', async () => {
    let isClosed = false;
    async function* chunks() {
      try {
        for (let at = 0; at < landedBytes.length; at += 1000) yield landedBytes.subarray(at, at + 1000);
      } finally {
        isClosed = true;
      }
    }
    const leave = () => {
      throw new Error('enough');
    };
    await expect(windowOf(chunks()).fill(stageOf(leave))).rejects.toThrow('enough');
    await expect.poll(() => isClosed).toBe(true);
  });

  it('fails its reader, and nobody else, when it cannot be read to its end', async () => {
    async function* chunks() {
      yield landedBytes.subarray(0, 1000);
      throw new Error('the connection is gone');
    }
    await expect(windowOf(chunks()).fill(stageOf(() => undefined))).rejects.toThrow('the connection is gone');
  });
});
