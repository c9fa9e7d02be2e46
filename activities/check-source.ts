/** Tries what a source needs, one thing at a time, and changes nothing: `ppi sources test`. */
import { cancellationSignal } from '@temporalio/activity';
import { IngestError } from '../errors/ingest-error.ts';
import { s3Steps } from './check-s3.ts';
import { tapSteps } from './check-tap.ts';
import type { Check, CheckSourceInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

/** One thing to try. It throws an IngestError, or says what is wrong, with what to do; undefined where there is nothing to try. */
export interface CheckStep {
  readonly name: string;
  readonly run: () => Promise<Outcome | undefined>;
}

export type Outcome = Pick<Check, 'message' | 'remedy' | 'sample'> & { readonly ok?: false };

/** Less than the activity may take: what hangs is told as the step that does. */
const secondsMax = 90;

export function createCheckSource(dependencies: Dependencies) {
  /** Stops at the first check that fails: the later ones need it. A failed check is a result, not an error. */
  return async function checkSource({ settings }: CheckSourceInput): Promise<Check[]> {
    const cancelled = cancellationSignal();
    const timeout = AbortSignal.timeout(secondsMax * 1000);
    const signal = AbortSignal.any([cancelled, timeout]);
    const steps =
      settings.kind === 'tap' ? tapSteps(dependencies, settings, signal) : s3Steps(dependencies, settings, signal);
    const checks: Check[] = [];
    for (const step of steps) {
      const check = await tryStep(step).catch((error: unknown): Check => {
        cancelled.throwIfAborted();
        if (!timeout.aborted) throw error;
        return {
          name: step.name,
          ok: false,
          message: `not done after ${secondsMax} s`,
          remedy: 'check the network path from the workers, and whether the other side is slow',
        };
      });
      if (check !== undefined) checks.push(check);
      if (check?.ok === false) break;
    }
    return checks;
  };
}

async function tryStep({ name, run }: CheckStep): Promise<Check | undefined> {
  try {
    const outcome = await run();
    return outcome === undefined ? undefined : { name, ok: true, ...outcome };
  } catch (error) {
    if (!(error instanceof IngestError)) throw error;
    return { name, ok: false, message: error.message, remedy: error.remedy };
  }
}
