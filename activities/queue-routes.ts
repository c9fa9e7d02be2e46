/** The routes of a notification queue, as its workflow has them at that moment. */
import { activityInfo, getClient } from '@temporalio/activity';
import type { QueueRoute } from '../sources/s3/queue-routes.ts';
import type { QueueRoutes } from './contracts.ts';

const answerMs = 10_000;

/** Asks the workflow that the activity belongs to; what did not change since the last answer is not sent again. */
export function routesReader(): () => Promise<{ readonly isPaused: boolean; readonly routes: readonly QueueRoute[] }> {
  const client = getClient();
  const { workflowId = '', runId } = activityInfo().workflowExecution ?? {};
  const workflow = client.workflow.getHandle(workflowId, runId);
  let known: { readonly version: number; readonly routes: readonly QueueRoute[] } | undefined;
  return async () => {
    const ask = () => workflow.query<QueueRoutes, [number | undefined]>('routes', known?.version);
    const { version, isPaused, routes = known?.routes ?? [] } = await client.withDeadline(Date.now() + answerMs, ask);
    known = { version, routes };
    return { isPaused, routes };
  };
}
