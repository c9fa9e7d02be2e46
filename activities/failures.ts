/** Turns every error of an activity into the failure that Temporal stores and workflows decide by. */
import { activityInfo, cancellationSignal, log } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure, type Next } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { IngestError } from '../errors/ingest-error.ts';
import { reasonOf } from '../errors/reason.ts';
import type { FailureDetails } from './contracts.ts';

/** Longest wait that is left to an activity's own retries; beyond it the workflow waits and shows why. */
const ownRetryMaxSeconds = 60;

export const failureInterceptor: ActivityInboundCallsInterceptor = {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    try {
      return await next(input);
    } catch (error) {
      // Whatever an aborted request threw: what Temporal must hear is that the cancellation was obeyed.
      const signal = cancellationSignal();
      throw toFailure(signal.aborted && signal.reason instanceof CancelledFailure ? signal.reason : error);
    }
  },
};

/** Never puts a cause into the failure: foreign errors quote requests, and histories hold no event data and no secrets. */
function toFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (!(error instanceof IngestError)) {
    log.error('activity failed unexpectedly', { error: error instanceof Error ? error.stack : String(error) });
    const name = error instanceof Error ? error.name : 'Error';
    return ApplicationFailure.create({
      type: 'internal',
      message: `unexpected ${name}; the worker's log has it whole`,
    });
  }
  const reason = reasonOf(error);
  if (reason !== undefined) log.warn(error.message, { code: error.code, reason });
  const { code, directive, remedy, retryAfterSeconds } = error;
  const details: FailureDetails = {
    directive,
    remedy,
    attempts: activityInfo().attempt,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  const retryable = directive === 'retry' && (retryAfterSeconds ?? 0) <= ownRetryMaxSeconds;
  return ApplicationFailure.create({
    type: code,
    message: error.message,
    nonRetryable: !retryable,
    details: [details],
    // Waiting for the other side is normal operation: no error log, no error metric.
    ...(directive === 'block' ? {} : { category: ApplicationFailureCategory.BENIGN }),
    ...(retryable && retryAfterSeconds !== undefined && retryAfterSeconds > 0
      ? { nextRetryDelay: retryAfterSeconds * 1000 }
      : {}),
  });
}
