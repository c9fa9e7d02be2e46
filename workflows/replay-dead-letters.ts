/** Parses the open dead letters of a tenant again, page by page, once. */
import { continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { ReplayLettersInput } from '../activities/contracts.ts';
import { replayLetters } from './activity-options.ts';
import { replayStatusQuery } from './messages.ts';
import type { ReplayInput, ReplayStatus } from './repair-state.ts';

const lettersPerPage = 1000;
/** A run with more pages than this has a history worth leaving behind. */
const pagesPerRunMax = 200;

export async function replayDeadLetters(input: ReplayInput): Promise<ReplayStatus> {
  const { tenantId, filter, dryRun } = input;
  let status = input.status ?? { done: false, letters: 0, resolved: 0 };
  let after = input.after ?? '';
  setHandler(replayStatusQuery, () => status, { description: 'Letters seen and resolved so far.' });
  for (let pages = 1; ; pages += 1) {
    const page: ReplayLettersInput = { tenantId, filter, dryRun, after, limit: lettersPerPage };
    const { letters, resolved, next } = await replayLetters.executeWithOptions(
      { summary: `${dryRun ? 'try' : 'replay'} letters of ${tenantId}` },
      [page],
    );
    status = {
      done: next === undefined,
      letters: status.letters + letters,
      resolved: status.resolved + resolved,
    };
    setCurrentDetails(
      `${dryRun ? 'Dry run: ' : ''}${status.letters} letters parsed again, ${status.resolved} ${dryRun ? 'would become' : 'became'} rows`,
    );
    if (next === undefined) return status;
    after = next;
    if (pages >= pagesPerRunMax || workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof replayDeadLetters>({ ...input, status, after });
  }
}
