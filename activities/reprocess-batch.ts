/** Parses a batch of the ledger again, with the parsers of today, and corrects what it brought. */
import { cancellationSignal } from '@temporalio/activity';
import type { Replaced } from '../lake/replace.ts';
import type { ReprocessBatchInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { openBatch } from './load-batch.ts';

export function createReprocessBatch(dependencies: Dependencies) {
  /** Idempotent: a second time changes nothing. Throws `config.invalid`, `landing.*`, `lake.*` and the codes of sources/s3. */
  return async function reprocessBatch({ dryRun, ...input }: ReprocessBatchInput): Promise<Replaced> {
    const { header, tableNames, fill } = openBatch(dependencies, input, cancellationSignal());
    return dependencies.lake.replace(header, tableNames, fill, { dryRun });
  };
}
