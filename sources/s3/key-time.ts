/** The time that an object's key tells of: most collectors put the date into the path. Pure. */

const date = String.raw`(20\d\d)[-/_]?(?:month=)?(0[1-9]|1[0-2])[-/_]?(?:day=)?(0[1-9]|[12]\d|3[01])`;
/** Not that of another date. */
const hour = String.raw`(?!20\d\d[-/_](?:month=)?[01]\d[-/_])([01]\d|2[0-3])`;
/** Minutes, seconds, milliseconds. */
const rest = String.raw`(?:\d\d|\d{4}|\d{7})?`;

/**
 * `filter/2026/11/24/05/x.gz`, `year=2026/month=11/day=24/…`, `log-20261124T0500.gz`, `2026-11-24-05.log`, `20261124050000.log`. A run of digits is
 * taken whole or not at all: it may be the number of an account. One of twelve digits may be either, so `log-202611240500.gz` counts
 * where no other date stands, and a folder of that name does not.
 */
const forms = [
  String.raw`(?<!\d)${date}(?!\d{4}(?!\d))(?:[-/_T]?(?:hour=)?${hour}${rest}(?!\d)|(?!\d))`,
  String.raw`(?<!\d)${date}${hour}[0-5]\d(?![\d/])`,
].map((form) => new RegExp(form, 'g'));

/**
 * Epoch milliseconds of the start of the first date in the key, with its hour where one follows; a date that ends behind the prefix goes before
 * others. Undefined where the key has no date.
 */
export function keyTimeMs(key: string, prefix = ''): number | undefined {
  const dates = forms.flatMap((form) => [...key.matchAll(form)]);
  const found = dates.find((match) => match.index + match[0].length > prefix.length) ?? dates[0];
  if (found === undefined) return undefined;
  const [, year, month, day, hourOfDay = '00'] = found;
  return Date.parse(`${year}-${month}-${day}T${hourOfDay}:00:00Z`);
}
