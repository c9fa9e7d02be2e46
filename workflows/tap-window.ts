/** One TAP window from the vendor to the lake, for sources and backfills alike. */
import type { Landed, Loaded } from '../activities/contracts.ts';
import type { SourceName, TapBatch } from '../sources/batch.ts';
import { nowMs } from '../sources/clock.ts';
import type { TapSettings } from '../sources/settings.ts';
import { askedSinceMs } from '../sources/tap/settle.ts';
import { fetchTapWindow, loadBatch } from './activity-options.ts';
import { activityFailure } from './failure.ts';

export interface WindowOutcome {
  readonly batch: TapBatch;
  /** Requests that the vendor was sent. */
  readonly requests: number;
  /** When the vendor was asked, or, where that is not known, the earliest that it may have been, epoch ms. */
  readonly atMs: number;
  readonly tookSeconds: number;
  readonly landed?: Landed;
  readonly loaded?: Loaded;
  /** The ActivityFailure, and its code. */
  readonly failed?: unknown;
  readonly code?: string;
}

/** Never throws an ActivityFailure: windows are read side by side, and one that fails must not hide the others. */
export async function readTapWindow(name: SourceName, settings: TapSettings, batch: TapBatch): Promise<WindowOutcome> {
  const summary = `${batch.from} to ${batch.to}${batch.pass === 'live' ? '' : ` ${batch.pass}`}`;
  const input = { ...name, settings, batch };
  const startedMs = nowMs();
  let atMs = startedMs;
  const tookSeconds = () => (nowMs() - startedMs) / 1000;
  let landed: Landed | undefined;
  try {
    landed = await fetchTapWindow.executeWithOptions({ summary }, [input]);
    // landed before, by a worker that died or beside a window that failed: what was indexed since is not in it
    if (landed.landed === 'exists') atMs = Math.min(startedMs, askedSinceMs(batch));
    const readAt = new Date(atMs).toISOString();
    const loaded = await loadBatch.executeWithOptions({ summary }, [{ ...input, readAt }]);
    return { batch, requests: landed.requests, atMs, tookSeconds: tookSeconds(), landed, loaded };
  } catch (error) {
    const failure = activityFailure(error);
    if (failure === undefined) throw error;
    const requests = landed?.requests ?? failure.attempts;
    return {
      batch,
      requests,
      atMs,
      tookSeconds: tookSeconds(),
      failed: error,
      code: failure.code,
      ...(landed === undefined ? {} : { landed }),
    };
  }
}
