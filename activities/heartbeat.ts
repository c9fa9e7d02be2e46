/** Keeps a long activity alive and brings its cancellation. */
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';

/** Runs `work` with heartbeats well inside the activity's heartbeat timeout; its signal aborts on cancellation. */
export async function withHeartbeat<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const timeoutMs = activityInfo().heartbeatTimeoutMs ?? 60_000;
  const timer = setInterval(heartbeat, timeoutMs / 4);
  try {
    return await work(cancellationSignal());
  } finally {
    clearInterval(timer);
  }
}
