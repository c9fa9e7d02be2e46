/** Times as the vendor writes them, read by hand to integer microseconds: `Date.parse` guesses at odd forms and stops at milliseconds. */
import type { TimeMicros } from './table.ts';

const dayMicros = 86_400_000_000;
const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;
const daysPerMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
/** Years outside are no time of an e-mail event, whatever the digits say; inside them microseconds are exact in a number. */
const firstYear = 1970;
const lastYear = 2199;

/**
 * `YYYY-MM-DD`, `T` or a blank, `HH:MM:SS`, up to nine fractional digits (those below a microsecond are cut), then `Z`, `±HH:MM`, `±HHMM`, `±HH`
 * (a blank may stand before it) or nothing, which is UTC. Reads `text` from `from` to `to`. Undefined where it is anything else.
 */
export function parseIsoMicros(text: string, from = 0, to = text.length): TimeMicros | undefined {
  if (to - from < 19) return undefined;
  const between = text.charAt(from + 10);
  if (text.charAt(from + 4) !== '-' || text.charAt(from + 7) !== '-' || (between !== 'T' && between !== ' '))
    return undefined;
  const days = daysAt(text, from);
  const seconds = parseClockSeconds(text, from + 11);
  if (days === undefined || seconds === undefined) return undefined;

  let at = from + 19;
  let micros = 0;
  if (text.charAt(at) === '.') {
    const start = ++at;
    for (let unit = 100_000; at < to && isDigit(text, at); at++, unit = Math.floor(unit / 10))
      micros += unit * (text.charCodeAt(at) - 48);
    if (at === start || at - start > 9) return undefined;
  }
  const offset = zoneSeconds(text, at, to);
  if (offset === undefined) return undefined;
  return days * dayMicros + (seconds - offset) * 1_000_000 + micros;
}

/** The date seen last: records of one source are mostly of one day. */
let lastDate = '0000-00-00';
let lastDays: number | undefined;

/** `YYYY-MM-DD` at `from`. */
function daysAt(text: string, from: number): number | undefined {
  if (!text.startsWith(lastDate, from)) {
    lastDays = daysSince1970(digits(text, from, 4), digits(text, from + 5, 2), digits(text, from + 8, 2));
    lastDate = text.slice(from, from + 10);
  }
  return lastDays;
}

/** `HH:MM:SS` at `at` as seconds of the day; a leap second counts on. */
export function parseClockSeconds(text: string, at: number): number | undefined {
  const hours = digits(text, at, 2);
  const minutes = digits(text, at + 3, 2);
  const seconds = digits(text, at + 6, 2);
  const wellFormed = text.charAt(at + 2) === ':' && text.charAt(at + 5) === ':';
  return wellFormed && hours < 24 && minutes < 60 && seconds <= 60 ? hours * 3600 + minutes * 60 + seconds : undefined;
}

/**
 * A time written without its year (BSD syslog): the latest year in which it is at most one day after `reference`, so that a file of
 * January holds December of last year, and clocks may differ a little. Undefined for a day that the month does not have.
 */
export function latestMicros(
  month: number,
  day: number,
  secondOfDay: number,
  reference: TimeMicros,
): TimeMicros | undefined {
  const limit = reference + dayMicros;
  const thisYear = new Date(limit / 1000).getUTCFullYear();
  // 29 February can be eight years away (around 2100)
  for (let year = thisYear; year >= thisYear - 8; year--) {
    const days = daysSince1970(year, month, day);
    if (days === undefined) continue;
    const micros = days * dayMicros + secondOfDay * 1_000_000;
    if (micros <= limit) return micros;
  }
  return undefined;
}

function daysSince1970(year: number, month: number, day: number): number | undefined {
  if (!(year >= firstYear && year <= lastYear)) return undefined;
  const length = daysPerMonth[month - 1];
  const before = daysBeforeMonth[month - 1];
  if (length === undefined || before === undefined) return undefined;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (!(day >= 1 && day <= (leap && month === 2 ? 29 : length))) return undefined;
  const past = year - 1;
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400) - 477;
  return (year - 1970) * 365 + leapDays + before + (leap && month > 2 ? 1 : 0) + day - 1;
}

function zoneSeconds(text: string, from: number, to: number): number | undefined {
  let at = from;
  if (at < to && text.charAt(at) === ' ') at++;
  if (at === to) return at === from ? 0 : undefined;
  const sign = text.charAt(at);
  if (sign === 'Z') return at + 1 === to ? 0 : undefined;
  if (sign !== '+' && sign !== '-') return undefined;
  const length = to - at;
  const hours = digits(text, at + 1, 2);
  let minutes = 0;
  if (length === 5) minutes = digits(text, at + 3, 2);
  else if (length === 6 && text.charAt(at + 3) === ':') minutes = digits(text, at + 4, 2);
  else if (length !== 3) return undefined;
  if (!(hours < 24 && minutes < 60)) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** NaN where a character is no digit: every range check on it fails. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    if (!isDigit(text, index)) return Number.NaN;
    value = value * 10 + text.charCodeAt(index) - 48;
  }
  return value;
}
