/** Brings a group of small objects, or one big one, from their bucket into the lake: each a batch of its own. */
import { setMaxListeners } from 'node:events';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { IngestError } from '../errors/ingest-error.ts';
import type { LoadedObjects, LoadObjectsInput } from './contracts.ts';
import { type GroupDependencies, loadGroup, objectsAtOnceMax, summary } from './object-group.ts';

export function createLoadObjects(dependencies: GroupDependencies) {
  /**
   * Idempotent: what the ledger has is not read again. One object's trouble is not its group's: it is told in the answer, unless another
   * try may help; then the activity fails when all others are done. Throws the codes of sources/s3 and `lake.*`.
   */
  return async function loadObjects(input: LoadObjectsInput): Promise<LoadedObjects> {
    const signal = cancellationSignal();
    // each request of a group listens, and some objects take several
    setMaxListeners(4 * objectsAtOnceMax, signal);
    const outcomes = await loadGroup(dependencies, input, signal);
    signal.throwIfAborted();
    const failures = outcomes.flatMap((outcome) => (outcome.kind === 'failed' ? [outcome] : []));
    const { attempt, retryPolicy } = activityInfo();
    const isLast = attempt >= (retryPolicy?.maximumAttempts ?? 1);
    for (const { error } of failures) {
      if (!(error instanceof IngestError) || (error.directive === 'retry' && !isLast)) throw error;
    }
    return summary(outcomes, attempt);
  };
}
