/** The steps of the lake's maintenance. Short, because each takes a worker's slot from others. */
import type { MergedTable, Removed } from '../lake/maintenance.ts';
import type { RemoveUnneededInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './heartbeat.ts';

/** Smaller files are merged. Done every hour, this writes a row a few times; searches hardly get faster by larger files. */
const smallFileBytes = 16 << 20;

/** Idempotent, all three: what is done is not done again. Throw `lake.*`. */
export function createMaintainLake({ lake }: Dependencies) {
  return {
    mergeableTables: (): Promise<string[]> => lake.maintenance.mergeable(),
    mergeFiles: (table: string): Promise<MergedTable> =>
      withHeartbeat(async (signal) => {
        try {
          return await lake.maintenance.merge(table, { maxFileBytes: smallFileBytes, signal });
        } catch (error) {
          signal.throwIfAborted();
          throw error;
        }
      }),
    removeUnneeded: ({ keepSeconds }: RemoveUnneededInput): Promise<Removed> =>
      withHeartbeat(() => lake.maintenance.remove({ keepSeconds })),
  };
}
