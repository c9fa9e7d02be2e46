/** What an S3 source carries besides its cursor. Pure. */
import type { FailedObject, ListedObjects } from '../activities/contracts.ts';
import { newPasses, type Passes, type SidePass } from '../sources/s3/plan.ts';
import type { GroupsLoaded } from './s3-objects.ts';

export interface S3Detail extends Passes {
  /** List requests of all passes. */
  readonly listRequests: number;
  /** Objects that listings showed, each time they did. */
  readonly objectsSeen: number;
  /** Objects that were loaded because a pass behind the cursor found them. */
  readonly found: Readonly<Record<SidePass, number>>;
  /** Objects that were deleted between listing and reading. */
  readonly gone: number;
  /** Objects in an archive class: a dead letter each. */
  readonly archived: number;
  /** An object that the store refuses and that the cursor has passed: passes go on without it, and ask for it again. */
  readonly refused?: Pick<FailedObject, 'key' | 'code' | 'remedy'> & {
    readonly pass: SidePass | 'live';
    readonly since: string;
  };
  /** How often the source was sent to another bucket, prefix, store or place among its keys. */
  readonly moves?: number;
}

export function newS3Detail(nowMs: number): S3Detail {
  return {
    ...newPasses(nowMs),
    listRequests: 0,
    objectsSeen: 0,
    found: { 'look-back': 0, full: 0 },
    gone: 0,
    archived: 0,
  };
}

export function withListed(detail: S3Detail, { listRequests, seen }: ListedObjects): S3Detail {
  return {
    ...detail,
    listRequests: detail.listRequests + listRequests,
    objectsSeen: detail.objectsSeen + seen,
  };
}

export function withLoaded(detail: S3Detail, { loaded }: GroupsLoaded, pass: SidePass | 'live'): S3Detail {
  const sum = (count: (group: GroupsLoaded['loaded'][number]) => number) =>
    loaded.reduce((total, group) => total + count(group), 0);
  return {
    ...detail,
    ...(pass === 'live'
      ? {}
      : { found: { ...detail.found, [pass]: detail.found[pass] + sum(({ batches }) => batches) } }),
    gone: detail.gone + sum(({ gone }) => gone),
    archived: detail.archived + sum(({ archived }) => archived),
  };
}

/** After a part of a pass; a pass that comes through without a refusal has got what one before it had not. */
export function withRefused(
  { refused: known, ...detail }: S3Detail,
  { pass, startedAt }: { readonly pass: SidePass | 'live'; readonly startedAt: string },
  { more }: ListedObjects,
  refused: FailedObject | undefined,
): S3Detail {
  if (refused !== undefined) {
    const { key, code, remedy } = refused;
    return { ...detail, refused: { key, code, remedy, pass, since: startedAt } };
  }
  const isOver = known !== undefined && !more && (pass === known.pass || pass === 'full') && startedAt > known.since;
  return known === undefined || isOver ? detail : { ...detail, refused: known };
}
