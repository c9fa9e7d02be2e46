/** An S3 source: the objects below a prefix, each loaded once per version, also those that come late or again. */
import type { ListedObjects, LoadedObjects } from '../activities/contracts.ts';
import { nowMs } from '../sources/clock.ts';
import {
  afterLive,
  afterSide,
  laterKey,
  liveAfter,
  type Passes,
  planSidePass,
  type SidePass,
  withMark,
} from '../sources/s3/plan.ts';
import type { S3Settings } from '../sources/settings.ts';
import { listObjects } from './activity-options.ts';
import { activityFailure } from './failure.ts';
import { newS3Detail, type S3Detail, withListed, withLoaded } from './s3-detail.ts';
import { loadInGroups, toFailure } from './s3-objects.ts';
import { runSource, type SourceAccess, type SourceKindLogic } from './source-loop.ts';
import type { SourceInput } from './source-state.ts';

/** List requests of one step and pass: bounds what a step takes, and what live listings wait for the others. */
const listsPerStepMax = 10;

export async function s3Source(input: SourceInput & { settings: S3Settings }): Promise<void> {
  await runSource(input, s3Kind);
}

const s3Kind: SourceKindLogic<S3Settings> = {
  start: () => '',
  cursorProblem: () => undefined,
  /** One live listing, then one of a pass behind the cursor where one is due. */
  async step(access) {
    const settings = access.settings();
    const { cursor, s3 } = access.state();
    const startedMs = nowMs();
    const detail = s3 ?? newS3Detail(startedMs);
    access.change({ s3: { ...detail, ...withMark(detail, settings, cursor, startedMs) } });

    const after = liveAfter(settings, detailOf(access), cursor, startedMs);
    const live = await readPart(access, { pass: 'live', after, listsMax: listsPerStepMax });
    // A part is passed as a whole: its other objects stand in the ledger and cost a look when it is listed again.
    if (live.failed !== undefined || live.listed === undefined) return { cursor, ...live };
    const reached = laterKey(cursor, live.listed.lastKey ?? cursor);
    const { passes, completeTo } = afterLive(passesOf(detailOf(access)), settings, live.listed);
    setPasses(access, passes);
    const { more } = live.listed;
    const next =
      more || completeTo === undefined ? {} : { watermark: completeTo, nextAtMs: nowMs() + settings.every * 1000 };

    const side = planSidePass(settings, passes, reached, nowMs());
    if (side === undefined) return { cursor: reached, loaded: live.loaded, ...next };
    const { pass, until } = side;
    const part = await readPart(access, { pass, after: side.after, until, listsMax: more ? 1 : listsPerStepMax });
    if (part.failed === undefined && part.listed !== undefined) {
      setPasses(access, afterSide(passesOf(detailOf(access)), side, part.listed));
    }
    return { cursor: reached, ...next, ...part, loaded: [...live.loaded, ...part.loaded] };
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
    const [first] = groups.failed;
    return { listed, loaded: groups.loaded, ...(first === undefined ? {} : { failed: toFailure(first) }) };
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
