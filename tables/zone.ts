/** Local times to UTC, for logs whose lines say a time and no zone. */
import type { TimeMicros } from './table.ts';

/** A local time, counted as though it were UTC, as the time that it is. */
export type ToUtc = (localTime: TimeMicros) => TimeMicros;

const dayMs = 86_400_000;
/** Clocks are set at quarters of an hour. */
const quarterMicros = 900_000_000;

/** Whether the name is one of the IANA time zone database, such as `Europe/Berlin` or `UTC`. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format();
    return true;
  } catch {
    return false;
  }
}

const known = new Map<string, ToUtc>();

/** Throws RangeError for what is no time zone. */
export function toUtcOf(timeZone: string): ToUtc {
  const made = known.get(timeZone);
  if (made !== undefined) return made;
  const created = createToUtc(timeZone);
  known.set(timeZone, created);
  return created;
}

/**
 * An hour that clocks repeat is taken for its first run, and one that they leave out for the time before it went on: a line without a zone does not tell
 * more.
 */
function createToUtc(timeZone: string): ToUtc {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });

  /** By how much local time is ahead of UTC then. */
  function offsetMsAt(timeMs: number): number {
    const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const localMs = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
    return localMs - Math.floor(timeMs / 60_000) * 60_000;
  }

  function offsetMsOf(localMs: number): number {
    // clocks are not set twice within two days
    const before = offsetMsAt(localMs - dayMs);
    const after = offsetMsAt(localMs + dayMs);
    const isAfter = offsetMsAt(localMs - before) === after && offsetMsAt(localMs - after) === after;
    return before !== after && isAfter ? after : before;
  }

  // lines come in the order of their time
  let quarter = Number.NaN;
  let offsetMicros = 0;
  return (localTime) => {
    const itsQuarter = Math.floor(localTime / quarterMicros);
    if (itsQuarter !== quarter) {
      offsetMicros = offsetMsOf((itsQuarter * quarterMicros) / 1000) * 1000;
      quarter = itsQuarter;
    }
    return localTime - offsetMicros;
  };
}
