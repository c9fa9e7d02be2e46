/** Records an interval that the vendor no longer has: a gap is said loudly, never skipped. */
import type { Loaded, RecordGapInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { tapHeader, totals } from './load-batch.ts';

export function createRecordGap({ lake }: Dependencies) {
  /** Idempotent. The ledger gets a batch with pass `lost` and no records. Throws `lake.*`. */
  return async function recordGap(input: RecordGapInput): Promise<Loaded> {
    const batch = { kind: 'tap', from: input.from, to: input.to, pass: 'lost' } as const;
    const header = tapHeader(input, batch, input.settings);
    return totals((await lake.receipt(header.batchId)) ?? (await lake.load(header, [], async () => undefined)));
  };
}
