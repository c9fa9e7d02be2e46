/** An S3 source: the objects below a prefix, each loaded once per version, also those that come late or again. */
import { patched } from '@temporalio/workflow';
import type { FailedObject, ListedObjects, LoadedObjects } from '../activities/contracts.ts';
import { nowMs } from '../sources/clock.ts';
import {
  afterLive,
  afterSide,
  cursorAfter,
  cursorBack,
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
import { loadInGroups, toFailure } from './s3-objects.ts';
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
  cursorProblem: () => undefined,
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

    const after = liveAfter(settings, detailOf(access), cursor, startedMs);
    const live = await readPart(access, { pass: 'live', after, listsMax: listsPerStepMax });
    if (isElsewhere()) return elsewhere(live.loaded);
    // A part is passed as a whole: its other objects stand in the ledger and cost a look when it is listed again.
    if (live.failed !== undefined || live.listed === undefined) return { cursor, ...live };
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
      const part = await readPart(access, { pass, after: side.after, until, listsMax: more ? 1 : listsPerStepMax });
      loaded.push(...part.loaded);
      if (isElsewhere()) return elsewhere(loaded);
      const { listed, refused } = part;
      const isPassed = isOwnTurns && refused !== undefined;
      if (listed === undefined || (part.failed !== undefined && !isPassed))
        return { cursor: next, loaded, failed: part.failed, ...(isThrough ? watermarkAt(completeTo) : {}) };
      access.change({ s3: withRefused(detailOf(access), side, listed, refused) });
      setPasses(access, afterSide(passesOf(detailOf(access)), side, listed));
      const back = isOwnTurns ? cursorBack(settings, detailOf(access), next, { pass, ...listed }) : next;
      if (back !== next) setPasses(access, withCursorBack(passesOf(detailOf(access)), back, pass));
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
}

interface ReadPart {
  readonly listed?: ListedObjects;
  readonly loaded: readonly LoadedObjects[];
  readonly failed?: unknown;
  /** Set where `failed` is about objects only and nobody but an operator can do anything for them: the first. */
  readonly refused?: FailedObject;
}

const watermarkAt = (watermark: string) => ({ watermark });

function isUnderWay(access: SourceAccess<S3Settings>, settings: S3Settings): boolean {
  const { lookBack, full } = detailOf(access);
  return (lookBack !== undefined && settings.lookBack > 0) || full !== undefined;
}

/** Lists and loads; what fails is a value, because what went well before it counts. */
async function readPart(access: SourceAccess<S3Settings>, { pass, after, until, listsMax }: Part): Promise<ReadPart> {
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
    const groups = await loadInGroups(name, settings, listed.objects);
    access.change({ s3: withLoaded(detailOf(access), groups, pass) });
    const { loaded, failed } = groups;
    const [first] = failed;
    if (first === undefined) return { listed, loaded };
    const passing = failed.find(({ directive }) => directive !== 'block');
    return { listed, loaded, failed: toFailure(first), ...(passing === undefined ? { refused: first } : {}) };
  } catch (error) {
    if (activityFailure(error) === undefined) throw error;
    return { loaded: [], failed: error };
  }
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
