/** Everything that a worker can run. Nothing here does I/O. */
export { checkSource } from './check-source.ts';
export { countObjects } from './count-objects.ts';
export { lakeMaintenance } from './lake-maintenance.ts';
export { notificationQueue } from './notification-queue.ts';
export { replayDeadLetters } from './replay-dead-letters.ts';
export { reprocessSource } from './reprocess-source.ts';
export { s3Backfill } from './s3-backfill.ts';
export { s3Source } from './s3-source.ts';
export { tapBackfill } from './tap-backfill.ts';
export { tapSource } from './tap-source.ts';
