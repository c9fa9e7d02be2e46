/** Tells Temporal that an activity is alive for as long as it works: without, a slow one would be given up and run elsewhere. */
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';

/** Well inside the heartbeat timeout. Its answers bring the cancellation, which an activity hears of by `cancellationSignal()`. */
export const heartbeatInterceptor: ActivityInboundCallsInterceptor = {
  async execute(input, next) {
    const { heartbeatTimeoutMs = 0 } = activityInfo();
    if (heartbeatTimeoutMs === 0) return next(input);
    const timer = setInterval(heartbeat, heartbeatTimeoutMs / 4);
    try {
      return await next(input);
    } finally {
      clearInterval(timer);
    }
  },
};
