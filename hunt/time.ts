/** Times as analysts write them. Pure. */
import { parseIsoMicros } from '../tables/time.ts';

/**
 * A day, a minute, or any longer ISO time; a blank may stand for the `T`, and no zone is UTC.
 * Microseconds since 1970 UTC; undefined where the text is no such time.
 */
export function parseTimeMicros(value: string): number | undefined {
  const [, day, minute = 'T00:00', rest = ''] =
    /^(\d{4}-\d\d-\d\d)(?:([T ]\d\d:\d\d)(Z|[+-]\d\d(?::?\d\d)?)?)?$/.exec(value) ?? [];
  return parseIsoMicros(day === undefined ? value : `${day}${minute}:00${rest}`);
}
