/** The steps of the lake's maintenance. Short, because each takes a worker's slot from others. */
import { cancellationSignal } from '@temporalio/activity';
import type { Removed } from '../lake/maintenance.ts';
import type { MergedTable } from '../lake/merging.ts';
import type { RemoveUnneededInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

/** Smaller files are merged. Done every hour, this writes a row a few times; searches hardly get faster by larger files. */
const smallFileBytes = 16 << 20;

/** Idempotent, all three: what is done is not done again. Throw `lake.*`. */
export function createMaintainLake({ lake }: Dependencies) {
  return {
    mergeableTables: (): Promise<string[]> => lake.maintenance.mergeable(),
    mergeFiles: (table: string): Promise<MergedTable> =>
      interruptible((signal) => lake.maintenance.merge(table, { maxFileBytes: smallFileBytes }, signal)),
    removeUnneeded: (input: RemoveUnneededInput): Promise<Removed> =>
      interruptible((signal) => lake.maintenance.remove(input, signal)),
  };
}

/** A step that was interrupted because the worker stops has not failed: it was cancelled. */
async function interruptible<T>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = cancellationSignal();
  try {
    return await step(signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
