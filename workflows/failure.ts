/** Reads what an activity failed with. */
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { FailureDetails } from '../activities/contracts.ts';
import { attemptsMax } from './activity-options.ts';

export interface Failure extends FailureDetails {
  readonly code: string;
  readonly message: string;
}

/**
 * The failure of an activity, or of a part of one that its answer tells of; undefined for anything else, which is a defect or a cancellation
 * and must be thrown on.
 */
export function activityFailure(error: unknown): Failure | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const details = cause.details?.[0] as FailureDetails | undefined;
    return {
      code: cause.type ?? 'internal',
      message: cause.message,
      ...(details ?? { directive: 'wait', remedy: 'look into the log of the workers', attempts: 1 }),
    };
  }
  if (error instanceof ActivityFailure && cause instanceof TimeoutFailure) {
    return {
      code: 'activity.timeout',
      message: `${error.activityType} did not finish in time`,
      directive: 'wait',
      remedy: 'check that workers run and are not overloaded, and by `ppi sources test` that the other side answers',
      attempts: attemptsMax,
    };
  }
  return undefined;
}

/** Failures that are no outage by their directive, and may be over in a while all the same: for all units of a source, not for one. */
const passingCodes = new Set([
  'tap.throttled',
  'tap.unauthorized',
  'tap.forbidden',
  'secret.missing',
  'activity.timeout',
]);

/** Whether the other side may take the same in a while. Other failures come again for the same window or object. */
export function isPassing({ code, directive }: Failure): boolean {
  return directive === 'retry' || passingCodes.has(code);
}

/** Pause before the next try, seconds: grows from 15 s to 15 minutes, at least what the other side asked for. */
export function backoffSeconds(consecutiveErrors: number, retryAfterSeconds = 0): number {
  return Math.max(retryAfterSeconds, Math.min(900, 15 * 2 ** Math.min(10, consecutiveErrors - 1)));
}
