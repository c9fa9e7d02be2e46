/** An S3 source: the objects below a prefix, each loaded once per version, also those that come late or again. */
import { patched } from '@temporalio/workflow';
import type { FailedObject, ListedObjects, LoadedObjects } from '../activities/contracts.ts';
import { nowMs } from '../sources/clock.ts';
import {
  afterLive,
  afterSide,
  cursorAfter,
  cursorBack,
  isKeyBefore,
  laterKey,
  liveAfter,
  newPasses,
  type Passes,
  planSidePasses,
  type SidePass,
  withCursorBack,
  withMark,
} from '../sources/s3/plan.ts';
import type { S3Settings } from '../sources/settings.ts';
import { listObjects } from './activity-options.ts';
import { activityFailure } from './failure.ts';
import { newS3Detail, type S3Detail, withListed, withLoaded, withRefused } from './s3-detail.ts';
import { type GroupsLoaded, loadInGroups, toFailure } from './s3-objects.ts';
import { runSource, type SourceAccess, type SourceKindLogic } from './source-loop.ts';
import type { SourceInput } from './source-state.ts';

/** List requests of one step and pass: bounds what a step takes, and what live listings wait for the others. */
const listsPerStepMax = 10;

export async function s3Source(input: SourceInput & { settings: S3Settings }): Promise<void> {
  await runSource(input, s3Kind);
}

/** While a pass behind the cursor is under way, the next step comes after so many seconds at the latest. */
const pacedSeconds = 60;

const s3Kind: SourceKindLogic<S3Settings> = {
  start: () => '',
  // behind all keys of the prefix a source would read nothing, and look caught up
  cursorProblem: (cursor, { prefix }) =>
    cursor === '' || cursor.startsWith(prefix)
      ? undefined
      : `the cursor of an S3 source is a key below its prefix ${JSON.stringify(prefix)}, or empty`,
  /** What was passed elsewhere says nothing of the new place. */
  reconfigured(access, before) {
    const { bucket, prefix, endpoint } = access.settings();
    if (bucket === before.bucket && prefix === before.prefix && endpoint === before.endpoint) return undefined;
    const detail = detailOf(access);
    setPasses(access, newPasses(nowMs()));
    const { refused: _, ...others } = detailOf(access);
    access.change({ s3: { ...others, moves: (detail.moves ?? 0) + 1 } });
    return '';
  },
  /** The rest of a pass is not what an operator wants who moved the cursor, be it behind an object that stops that pass. */
  cursorSet(access) {
    const { live: _, ...passes } = passesOf(detailOf(access));
    setPasses(access, passes);
    const detail = detailOf(access);
    access.change({ s3: { ...detail, moves: (detail.moves ?? 0) + 1 } });
  },
  /** One live listing, then one of each pass behind the cursor that is due. */
  async step(access) {
    const settings = access.settings();
    const { cursor, s3 } = access.state();
    const startedMs = nowMs();
    const detail = s3 ?? newS3Detail(startedMs);
    access.change({ s3: { ...detail, ...withMark(detail, settings, cursor, startedMs) } });
    /** Meanwhile the source was sent to another place: what this step came to says nothing of that. */
    const isElsewhere = () => detailOf(access).moves !== detail.moves;
    const elsewhere = (loaded: readonly LoadedObjects[]) => ({ cursor: access.state().cursor, loaded });
    const mayGoOn = () => access.state().paused === undefined && !isElsewhere();

    const after = liveAfter(settings, detailOf(access), cursor, startedMs);
    const live = await readPart(access, { pass: 'live', after, listsMax: listsPerStepMax, mayGoOn });
    if (isElsewhere()) return elsewhere(live.loaded);
    // A part is passed as a whole: its other objects stand in the ledger and cost a look when it is listed again.
    const isStuck = live.failed !== undefined && !isRefusedBehind(cursor, live);
    if (isStuck || live.isStopped || live.listed === undefined) return { cursor, ...live };
    const startedAt = detailOf(access).live?.startedAt ?? live.listed.listedAt;
    access.change({ s3: withRefused(detailOf(access), { pass: 'live', startedAt }, live.listed, live.refused) });
    const isOwnTurns = patched('passes-take-turns');
    const reached = isOwnTurns
      ? cursorAfter(settings, cursor, live.listed)
      : laterKey(cursor, live.listed.lastKey ?? cursor);
    const { passes, completeTo } = afterLive(passesOf(detailOf(access)), settings, live.listed);
    setPasses(access, passes);
    const { more } = live.listed;
    const isThrough = !more && completeTo !== undefined;

    const due = planSidePasses(settings, passes, reached, nowMs());
    const loaded = [...live.loaded];
    let next = reached;
    for (const side of isOwnTurns ? due : due.slice(0, 1)) {
      const { pass, until } = side;
      const part = await readPart(access, {
        pass,
        after: side.after,
        until,
        listsMax: more ? 1 : listsPerStepMax,
        mayGoOn,
      });
      loaded.push(...part.loaded);
      if (isElsewhere()) return elsewhere(loaded);
      const { listed, refused, isStopped } = part;
      const isPassed = isOwnTurns && refused !== undefined;
      if (listed === undefined || isStopped || (part.failed !== undefined && !isPassed))
        return { cursor: next, loaded, failed: part.failed, ...(isThrough ? watermarkAt(completeTo) : {}) };
      access.change({ s3: withRefused(detailOf(access), side, listed, refused) });
      setPasses(access, afterSide(passesOf(detailOf(access)), side, listed));
      const back = isOwnTurns ? cursorBack(settings, detailOf(access), next, { pass, ...listed }) : next;
      if (back !== next) setPasses(access, withCursorBack(passesOf(detailOf(access)), settings, back, pass));
      next = back;
    }
    if (!isThrough) return { cursor: next, loaded };
    const waitSeconds =
      isOwnTurns && isUnderWay(access, settings) ? Math.min(settings.every, pacedSeconds) : settings.every;
    return { cursor: next, loaded, ...watermarkAt(completeTo), nextAtMs: nowMs() + waitSeconds * 1000 };
  },
};

interface Part {
  readonly pass: SidePass | 'live';
  readonly after: string;
  readonly until?: string;
  readonly listsMax: number;
  /** False: what is under way is finished, and the part is not through. */
  readonly mayGoOn: () => boolean;
}

interface ReadPart {
  readonly listed?: ListedObjects;
  readonly loaded: readonly LoadedObjects[];
  readonly failed?: unknown;
  /** Set where `failed` is about objects only and nobody but an operator can do anything for them: the first. */
  readonly refused?: FailedObject;
  readonly lastFailedKey?: string;
  /** Not all that was listed was tried. */
  readonly isStopped: boolean;
}

const watermarkAt = (watermark: string) => ({ watermark });

function isUnderWay(access: SourceAccess<S3Settings>, settings: S3Settings): boolean {
  const { lookBack, full } = detailOf(access);
  return (lookBack !== undefined && settings.lookBack > 0) || full !== undefined;
}

/** Lists and loads; what fails is a value, because what went well before it counts. */
async function readPart(
  access: SourceAccess<S3Settings>,
  { pass, after, until, listsMax, mayGoOn }: Part,
): Promise<ReadPart> {
  const { name } = access;
  const settings = access.settings();
  const summary = `${pass}: list s3://${settings.bucket}/${settings.prefix}`.slice(0, 100);
  try {
    const listed = await listObjects.executeWithOptions({ summary }, [
      {
        ...name,
        settings,
        listsMax,
        ...(after === '' ? {} : { startAfter: after }),
        ...(until === undefined ? {} : { until }),
      },
    ]);
    access.change({ s3: withListed(detailOf(access), listed) });
    const groups = await loadInGroups(name, settings, listed.objects, mayGoOn);
    access.change({ s3: withLoaded(detailOf(access), groups, pass) });
    const { loaded, isStopped, lastFailedKey } = groups;
    const failed = failuresOf(groups);
    const [first] = failed;
    if (first === undefined) return { listed, loaded, isStopped };
    const passing = failed.find(({ directive }) => directive !== 'block');
    return {
      listed,
      loaded,
      isStopped,
      failed: toFailure(first),
      ...(passing === undefined ? { refused: first, lastFailedKey } : {}),
    };
  } catch (error) {
    if (activityFailure(error) === undefined) throw error;
    return { loaded: [], failed: error, isStopped: false };
  }
}

/** One that was overwritten each time it was read is left to the passes behind the cursor, or the cursor would stand for as long as it is written to. */
function failuresOf({ failed, failedCount }: GroupsLoaded): readonly FailedObject[] {
  const others = failed.filter(({ code }) => code !== 's3.object_changed');
  const isToldWhole = others.length > 0 || failed.length === failedCount;
  if (others.length === failed.length || !isToldWhole) return failed;
  return patched('hot-objects-are-left') ? others : failed;
}

/** With `layout`, a live listing begins before the cursor: what the store refuses there has been passed, perhaps by an operator who moved the cursor. */
function isRefusedBehind(cursor: string, { refused, lastFailedKey }: ReadPart): boolean {
  if (refused === undefined || lastFailedKey === undefined || isKeyBefore(cursor, lastFailedKey)) return false;
  return patched('refused-ones-are-passed');
}

function detailOf(access: SourceAccess<S3Settings>): S3Detail {
  return access.state().s3 ?? newS3Detail(nowMs());
}

function passesOf({ live, lookBack, full, lookedBackAt, fullAt, marks }: S3Detail): Passes {
  return {
    lookedBackAt,
    fullAt,
    marks,
    ...(live === undefined ? {} : { live }),
    ...(lookBack === undefined ? {} : { lookBack }),
    ...(full === undefined ? {} : { full }),
  };
}

/** As they are: one that is through is absent, and must not be left over. */
function setPasses(access: SourceAccess<S3Settings>, passes: Passes): void {
  const { live: _, lookBack: __, full: ___, ...detail } = detailOf(access);
  access.change({ s3: { ...detail, ...passes } });
}
