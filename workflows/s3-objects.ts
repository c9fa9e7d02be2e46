/** Objects from their bucket to the lake, a group an activity, for sources and backfills alike. */
import { ApplicationFailure, patched } from '@temporalio/workflow';
import type { FailedObject, LoadedObjects, ObjectToLoad } from '../activities/contracts.ts';
import type { SourceName } from '../sources/batch.ts';
import { groupObjects } from '../sources/s3/plan.ts';
import type { S3Settings } from '../sources/settings.ts';
import { loadObjects } from './activity-options.ts';
import { activityFailure } from './failure.ts';
import { mapSettled } from './map-settled.ts';

/** Groups loaded side by side: some are read while others are committed, and there is work for more workers than one. */
const groupsAtOnceMax = 8;
/** Of histories from before. */
const groupsAtOnceBefore = 4;

export interface GroupsLoaded {
  readonly loaded: readonly LoadedObjects[];
  /** Those that the activities told of, and the first object of each group whose activity failed. */
  readonly failed: readonly FailedObject[];
  readonly failedCount: number;
  /** No object with a later key failed; absent where none did. */
  readonly lastFailedKey?: string;
  /** Not all groups were begun. */
  readonly isStopped: boolean;
}

/** Begins no further group once `mayGoOn` says no. Throws what is no failure of an activity: a cancellation, a defect. */
export async function loadInGroups(
  name: SourceName,
  settings: S3Settings,
  objects: readonly ObjectToLoad[],
  mayGoOn: () => boolean = () => true,
): Promise<GroupsLoaded> {
  const groups = groupObjects(objects);
  const isMore = groups.length > groupsAtOnceBefore && patched('eight-groups');
  const atOnceMax = isMore ? groupsAtOnceMax : groupsAtOnceBefore;
  let isStopped = false;
  const outcomes = await mapSettled(groups, atOnceMax, (group): Promise<LoadedObjects | undefined> => {
    isStopped ||= !mayGoOn() && patched('loading-stops');
    if (isStopped) return Promise.resolve(undefined);
    return loadObjects.executeWithOptions({ summary: summaryOf(group) }, [{ ...name, settings, objects: group }]);
  });
  const loaded = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' && outcome.value !== undefined ? [outcome.value] : [],
  );
  const failed = outcomes.flatMap((outcome, index): readonly FailedObject[] => {
    if (outcome.status === 'fulfilled') return outcome.value?.failed ?? [];
    const failure = activityFailure(outcome.reason);
    if (failure === undefined) throw outcome.reason;
    return [{ key: groups[index]?.[0]?.key ?? '', ...failure }];
  });
  const failedCounts = outcomes.map((outcome, index) =>
    outcome.status === 'fulfilled' ? (outcome.value?.failedCount ?? 0) : (groups[index]?.length ?? 0),
  );
  const failedCount = failedCounts.reduce((sum, count) => sum + count, 0);
  // those that are not told of lie anywhere in their group
  const isAllTold = failedCount === failed.length;
  const lastGroup = groups[failedCounts.findLastIndex((count) => count > 0)];
  const lastFailedKey = isAllTold ? failed.at(-1)?.key : lastGroup?.at(-1)?.key;
  return { loaded, failed, failedCount, ...(lastFailedKey === undefined ? {} : { lastFailedKey }), isStopped };
}

/** An object's failure as a source's loop takes it. */
export function toFailure({ code, message, ...details }: FailedObject): ApplicationFailure {
  return ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [details] });
}

/** Temporal takes summaries of up to 200 bytes; keys may have 1,024. */
function summaryOf(group: readonly ObjectToLoad[]): string {
  const key = group[0]?.key ?? '';
  const first = key.length <= 40 ? key : `…${key.slice(-39)}`;
  return group.length === 1 ? first : `${first} and ${group.length - 1} more`;
}
