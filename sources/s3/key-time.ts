/** The time that an object's key tells of: most collectors put the date into the path. Pure. */

/**
 * `filter/2026/11/24/05/x.gz`, `year=2026/month=11/day=24/…`, `log-20261124T0500.gz`, `2026-11-24-05.log`. The first date in the key
 * counts, with its hour where one follows; epoch milliseconds of its start.
 */
const datePattern =
  /(?:^|\D)(?:year=)?(20\d\d)[-/_]?(?:month=)?(0[1-9]|1[0-2])[-/_]?(?:day=)?(0[1-9]|[12]\d|3[01])(?:[-/_T]?(?:hour=)?([01]\d|2[0-3]))?/;

/** Undefined where the key has no date. */
export function keyTimeMs(key: string): number | undefined {
  const match = datePattern.exec(key);
  if (match === null) return undefined;
  const [, year, month, day, hour = '00'] = match;
  return Date.parse(`${year}-${month}-${day}T${hour}:00:00Z`);
}
