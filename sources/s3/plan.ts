/**
 * Where the listings of an S3 source begin. `live` goes on behind the cursor; `look-back` lists again what the cursor passed lately,
 * `full` all that it has passed. Pure: times are inputs; workflow code may import it.
 */
import type { S3Settings } from '../settings.ts';

export type SidePass = 'look-back' | 'full';

/** A pass that takes more than one listing. */
export interface PassPlace {
  /** Last key looked at; empty: the start of the prefix. */
  readonly after: string;
  /** ISO time at which the pass began. */
  readonly startedAt: string;
}

/** At that time the cursor was no further than that key: what lies behind it was passed later. */
export interface Mark {
  /** ISO time. */
  readonly at: string;
  /** Shortened: a key's beginning lies before the key. */
  readonly key: string;
}

/** What the passes of a source remember. */
export interface Passes {
  /** With `layout`, where the live listing stands within its pass. */
  readonly live?: PassPlace;
  readonly lookBack?: PassPlace;
  readonly full?: PassPlace;
  /** ISO times at which the last passes that are through had begun: everything late that was uploaded before is found. */
  readonly lookedBackAt: string;
  readonly fullAt: string;
  /** Oldest first. */
  readonly marks: readonly Mark[];
}

/** A listing of keys behind `after`; side passes end at `until`, where the live listing goes on. */
export interface PlannedPass extends PassPlace {
  readonly pass: SidePass;
  readonly until: string;
}

const marksMax = 8;
/** Of what follows the prefix, which all keys have in common. */
const markKeyMax = 160;

/** The first live listing, from the start of the prefix, is the first full one. */
export function newPasses(nowMs: number): Passes {
  const at = isoTime(nowMs);
  return { lookedBackAt: at, fullAt: at, marks: [{ at, key: '' }] };
}

/**
 * Key after which the live listing goes on. Names within a partition are in no order of time: with `layout`, the partitions of now and of
 * the cursor are listed from their start, whichever comes first.
 */
export function liveAfter(settings: S3Settings, passes: Passes, cursor: string, nowMs: number): string {
  if (settings.layout === undefined) return cursor;
  // an operator who set the cursor back wants that listed, not the rest of a pass
  if (passes.live !== undefined && !isKeyBefore(cursor, passes.live.after)) return passes.live.after;
  return earlierKey(partitionStart(settings, cursor), partitionAt(settings, nowMs), cursor);
}

/**
 * What is due besides the live listing, the look-back first. Each has its own turn: a source that is read less often than look-backs are due would
 * never come to a full listing otherwise.
 */
export function planSidePasses(settings: S3Settings, passes: Passes, cursor: string, nowMs: number): PlannedPass[] {
  if (cursor === '') return [];
  const { lookBack, full, lookedBackAt, fullAt } = passes;
  const isDue = (since: string, seconds: number) => nowMs - Date.parse(since) >= seconds * 1000;
  const begun = (after: string): PassPlace => ({ after, startedAt: isoTime(nowMs) });
  const due: PlannedPass[] = [];
  if (settings.lookBack > 0 && (lookBack !== undefined || isDue(lookedBackAt, settings.lookBack / 4))) {
    const place = lookBack ?? begun(lookBackAfter(settings, passes));
    due.push({ pass: 'look-back', ...place, until: cursor });
  }
  if (full !== undefined || isDue(fullAt, settings.reconcile))
    due.push({ pass: 'full', ...(full ?? begun('')), until: cursor });
  return due;
}

/**
 * The look-back before this one found what had been uploaded until it began. What came since, and is late by `lookBack` at most, has a key
 * that the cursor passed no earlier than `lookBack` before that: usually 1¼ `lookBack` ago, and longer ago after an outage.
 */
function lookBackAfter(settings: S3Settings, { lookedBackAt, marks }: Passes): string {
  const passedMs = Date.parse(lookedBackAt) - settings.lookBack * 1000;
  const marked = marks.findLast(({ at }) => Date.parse(at) <= passedMs)?.key ?? marks[0]?.key ?? '';
  if (settings.layout === undefined) return marked;
  const partition = partitionAt(settings, passedMs);
  return marked === '' ? partition : earlierKey(partitionStart(settings, marked), partition);
}

/** Notes where the cursor stands, a few times within `lookBack`, and forgets what no look-back asks for any more. */
export function withMark(passes: Passes, settings: S3Settings, cursor: string, nowMs: number): Passes {
  const { marks, lookedBackAt } = passes;
  const last = marks.at(-1);
  const key = shortened(cursor, settings);
  // where it stands still, the first mark tells since when
  if (last?.key === key) return passes;
  if (last !== undefined && nowMs - Date.parse(last.at) < (settings.lookBack / 4) * 1000) return passes;
  // The look-back after one that is under way begins where the cursor stood before this one did, however long it takes.
  const passedMs = Date.parse(passes.lookBack?.startedAt ?? lookedBackAt) - settings.lookBack * 1000;
  const neededFrom = Math.max(
    0,
    marks.findLastIndex(({ at }) => Date.parse(at) <= passedMs),
  );
  const [oldest, ...newer] = [...marks.slice(neededFrom), { at: isoTime(nowMs), key }];
  // Where look-backs do not come through, the second oldest goes: the next one then lists more, and misses nothing.
  return { ...passes, marks: oldest === undefined ? newer : [oldest, ...newer.slice(-(marksMax - 1))] };
}

export interface ListedPart {
  /** Last key looked at. */
  readonly lastKey?: string | undefined;
  /** Of the last two List pages, the key that was uploaded last. */
  readonly newest?: string | undefined;
  readonly more: boolean;
  /** ISO time. */
  readonly listedAt: string;
}

/** An object that the lake did not have. */
interface NewObject {
  readonly key: string;
  readonly lastModified: string;
}

/**
 * The cursor after a live listing. Without `layout`, it ends at the object that was uploaded last, and stays where there is nothing new: a key that lies
 * behind those of all later objects (`readme.txt`, behind dates) would hold it otherwise, and all that comes would be late.
 */
export function cursorAfter(
  { layout }: S3Settings,
  cursor: string,
  { lastKey = cursor, newest = lastKey, more, objects, listRequests }: LiveListing,
): string {
  if (layout !== undefined || more) return laterKey(cursor, lastKey);
  if (objects.length > 0) return laterKey(cursor, newest);
  // What is listed again costs one request. Where a queue has brought all of it, the last key may be the one that would hold the cursor.
  return listRequests <= 1 ? cursor : laterKey(cursor, newest);
}

interface LiveListing extends ListedPart {
  readonly objects: readonly NewObject[];
  readonly listRequests: number;
}

/**
 * Where such a key holds the cursor all the same, because it was the newest itself: a pass behind the cursor finds objects that were uploaded long
 * after the cursor came to stand. Live listings go on behind the last of them. Gives `cursor` where there is none.
 */
export function cursorBack(
  settings: S3Settings,
  { marks }: Passes,
  cursor: string,
  { pass, objects }: { readonly pass: SidePass; readonly objects: readonly NewObject[] },
): string {
  const { layout, lookBack } = settings;
  const last = marks.at(-1);
  if (layout !== undefined || last === undefined || last.key !== shortened(cursor, settings)) return cursor;
  // a look-back sees no further than lookBack, and lists no more than that again where somebody was merely late
  const standsMs = Date.parse(last.at) + lookBack * (pass === 'full' ? 1000 : 500);
  return objects.findLast(({ lastModified }) => Date.parse(lastModified) > standsMs)?.key ?? cursor;
}

/**
 * After `cursorBack`: no later mark is true any more. After a full listing the marks stay, or look-backs would list all that lies behind an object that
 * was merely very late.
 */
export function withCursorBack(passes: Passes, settings: S3Settings, cursor: string, pass: SidePass): Passes {
  if (pass === 'full') return passes;
  const key = shortened(cursor, settings);
  return { ...passes, marks: passes.marks.map((mark) => (isKeyBefore(key, mark.key) ? { ...mark, key } : mark)) };
}

/** After a live listing; `completeTo`: once the pass is through, the ISO time of which all uploads are known. */
export function afterLive(
  { live, ...passes }: Passes,
  settings: S3Settings,
  { lastKey, more, listedAt }: ListedPart,
): { readonly passes: Passes; readonly completeTo?: string } {
  if (settings.layout === undefined) return more ? { passes } : { passes, completeTo: listedAt };
  const startedAt = live?.startedAt ?? listedAt;
  if (!more) return { passes, completeTo: startedAt };
  return { passes: { ...passes, live: { after: lastKey ?? live?.after ?? '', startedAt } } };
}

export function afterSide(
  { lookBack, full, ...passes }: Passes,
  { pass, after, startedAt }: PlannedPass,
  { lastKey, more }: ListedPart,
): Passes {
  const place = { after: lastKey ?? after, startedAt };
  const others = pass === 'look-back' ? keep('full', full) : keep('lookBack', lookBack);
  if (more) return { ...passes, ...others, [pass === 'look-back' ? 'lookBack' : 'full']: place };
  return { ...passes, ...others, [pass === 'look-back' ? 'lookedBackAt' : 'fullAt']: startedAt };
}

const keep = (name: 'lookBack' | 'full', place: PassPlace | undefined) =>
  place === undefined ? {} : { [name]: place };

/** Stores order keys by their UTF-8 bytes, that is by code points; strings compare by UTF-16 units. */
export function isKeyBefore(left: string, right: string): boolean {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) {
    const [a, b] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (a !== b) return rank(a) < rank(b);
  }
  return left.length < right.length;
}

/** Surrogates stand for code points behind all others. */
const rank = (unit: number) => (unit >= 0xd8_00 && unit <= 0xdf_ff ? unit + 0x1_00_00 : unit);

export function laterKey(left: string, right: string): string {
  return isKeyBefore(left, right) ? right : left;
}

function earlierKey(first: string, ...others: readonly string[]): string {
  return others.reduce((earliest, key) => (isKeyBefore(key, earliest) ? key : earliest), first);
}

interface Sized {
  readonly sizeBytes: number;
}

const groupObjectsMax = 100;
/** Compressed: tenfold in plain, and about two seconds of work. */
const groupBytesMax = 8_000_000;

/** Objects that one activity loads; a big one is alone. */
export function groupObjects<T extends Sized>(objects: readonly T[]): T[][] {
  const groups: T[][] = [];
  let bytes = 0;
  for (const object of objects) {
    const group = groups.at(-1);
    if (group === undefined || group.length === groupObjectsMax || bytes + object.sizeBytes > groupBytesMax) {
      groups.push([object]);
      bytes = object.sizeBytes;
      continue;
    }
    group.push(object);
    bytes += object.sizeBytes;
  }
  return groups;
}

/** Behind that key the partition of that time begins. */
export function partitionAt({ prefix, layout = '' }: S3Settings, timeMs: number): string {
  const [date = '', time = ''] = isoTime(Math.max(0, timeMs)).split('T');
  const [year = '', month = '', day = ''] = date.split('-');
  const parts: Readonly<Record<string, string>> = { '%Y': year, '%m': month, '%d': day, '%H': time.slice(0, 2) };
  return justBefore(prefix + layout.replace(/%[YmdH]/g, (unit) => parts[unit] ?? unit));
}

/** Behind that key the partition begins that the key lies in; the key itself where it lies in none. */
function partitionStart({ prefix, layout = '' }: S3Settings, key: string): string {
  const units: Readonly<Record<string, string>> = { '%Y': '\\d{4}', '%m': '\\d\\d', '%d': '\\d\\d', '%H': '\\d\\d' };
  const pattern = layout
    .split(/(%[YmdH])/)
    .map((part) => units[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('');
  const found = key.startsWith(prefix) ? new RegExp(`^${pattern}`).exec(key.slice(prefix.length)) : null;
  return found === null ? key : justBefore(prefix + found[0]);
}

/**
 * A key that sorts before `start`, and with nearly nothing between: a date may be the whole name of an object, and no listing shows the key behind
 * which it begins. A directory is no object.
 */
function justBefore(start: string): string {
  if (start.endsWith('/')) return start;
  const [head, last] = [start.slice(0, -1), start.slice(-1)];
  // of 29 neither 20 to 28 nor what their names begin
  return /[1-9]/.test(last) ? `${head}${Number(last) - 1}~` : head;
}

function shortened(key: string, { prefix }: S3Settings): string {
  // half of a surrogate pair is no text
  return key.slice(0, prefix.length + markKeyMax).replace(/[\ud800-\udbff]$/, '');
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
