/** Tells Temporal that an activity is alive, all the while that it works: without, it would be given up and run elsewhere, however long it may take. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';

/** Well inside the heartbeat timeout. Its answers bring the cancellation, which an activity hears of by `cancellationSignal()`. */
export const heartbeatInterceptor: ActivityInboundCallsInterceptor = {
  async execute(input, next) {
    const { heartbeatTimeoutMs } = activityInfo();
    if (heartbeatTimeoutMs === undefined) return next(input);
    const timer = setInterval(heartbeat, heartbeatTimeoutMs / 4);
    try {
      return await next(input);
    } finally {
      clearInterval(timer);
    }
  },
};
