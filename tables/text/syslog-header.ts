/**
 * What stands before the message of a text log line: `<PRI>`, time, host, program and process id, each of which may be absent.
 * Forms: ISO time and host (rsyslog), BSD time and host (https://www.rfc-editor.org/rfc/rfc3164), bracketed time alone (the vendor's Log Viewer),
 * and program alone (https://github.com/splunk/splunk-connect-for-syslog/issues/509).
 */
import type { TimeMicros } from '../table.ts';
import { latestMicros, parseClockSeconds, parseIsoMicros } from '../time.ts';
import { type ToUtc, toUtcOf } from '../zone.ts';

export interface Header {
  readonly time: TimeMicros | undefined;
  /** `record+object`: the line has no year. */
  readonly timeSource: 'record' | 'record+object';
  /** A time that cannot be read, as it stands. */
  readonly oddTime: string | undefined;
  readonly priority: string | undefined;
  readonly host: string | null;
  readonly process: string | null;
  readonly pid: number | null;
  /** Where the message begins. */
  readonly end: number;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Longer than any time in brackets. */
const maxBracketed = 48;

interface Clock {
  readonly time: TimeMicros | undefined;
  readonly timeSource: 'record' | 'record+object';
  readonly oddTime: string | undefined;
  /** Log Viewer lines have none. */
  readonly hostFollows: boolean;
  readonly end: number;
}

/** What a line leaves out. */
export interface Unsaid {
  /** Gives the year of a time without one. */
  readonly fallbackTime: TimeMicros;
  /** Of a time without one; absent: UTC. */
  readonly timeZone?: string | undefined;
}

/** Reads the header of `line`. Linear in the header. */
export function parseHeader(line: string, unsaid: Unsaid): Header {
  const afterPriority = skipPriority(line);
  const clock = readClock(line, afterPriority, unsaid);
  let end = clock?.end ?? afterPriority;
  let host: string | null = null;
  if (clock?.hostFollows === true) {
    const hostEnd = wordEnd(line, end);
    if (line.charAt(hostEnd - 1) !== ':') {
      host = line.slice(end, hostEnd) || null;
      end = skipBlanks(line, hostEnd);
    }
  }
  const program = readProgram(line, end, clock?.hostFollows !== true);
  return {
    time: clock?.time,
    timeSource: clock?.timeSource ?? 'record',
    oddTime: clock?.oddTime,
    priority: afterPriority > 0 ? line.slice(1, afterPriority - 1) : undefined,
    host,
    process: program?.process ?? null,
    pid: program?.pid ?? null,
    end: program?.end ?? end,
  };
}

function readClock(line: string, at: number, { fallbackTime, timeZone }: Unsaid): Clock | undefined {
  const toUtc = timeZone === undefined ? undefined : toUtcOf(timeZone);
  if (line.charAt(at) === '[') return readBracketed(line, at, toUtc);
  const word = wordEnd(line, at);
  if (line.charAt(at + 4) === '-' && line.charAt(at + 10) === 'T') {
    const time = readIso(line, at, word, toUtc);
    const oddTime = time === undefined ? line.slice(at, word) : undefined;
    return { time, oddTime, timeSource: 'record', hostFollows: true, end: skipBlanks(line, word) };
  }
  return word === at + 3 ? readBsd(line, at, fallbackTime, toUtc) : undefined;
}

const clockEndsAt = 'YYYY-MM-DDTHH:MM:SS'.length;

function readIso(line: string, from: number, to: number, toUtc: ToUtc | undefined): TimeMicros | undefined {
  const time = parseIsoMicros(line, from, to);
  if (time === undefined || toUtc === undefined) return time;
  return /[Z+-]/.test(line.slice(from + clockEndsAt, to)) ? time : toUtc(time);
}

function readBracketed(line: string, at: number, toUtc: ToUtc | undefined): Clock | undefined {
  let close = at + 1;
  while (close < line.length && close - at < maxBracketed && line.charAt(close) !== ']') close++;
  if (line.charAt(close) !== ']') return undefined;
  const time = readIso(line, at + 1, close, toUtc);
  const oddTime = time === undefined ? line.slice(at + 1, close) : undefined;
  return { time, oddTime, timeSource: 'record', hostFollows: false, end: skipBlanks(line, close + 1) };
}

/** `Mmm d HH:MM:SS`, the day in one or two digits and padded or not. */
function readBsd(line: string, at: number, fallbackTime: TimeMicros, toUtc: ToUtc | undefined): Clock | undefined {
  const month = months.indexOf(line.slice(at, at + 3)) + 1;
  const dayAt = skipBlanks(line, at + 3);
  const dayEnd = wordEnd(line, dayAt);
  const clockAt = skipBlanks(line, dayEnd);
  const clockEnd = wordEnd(line, clockAt);
  const day = dayEnd - dayAt <= 2 ? Number(line.slice(dayAt, dayEnd)) : Number.NaN;
  const seconds = clockEnd - clockAt === 8 ? parseClockSeconds(line, clockAt) : undefined;
  if (month === 0 || !(day >= 1 && day <= 31) || seconds === undefined) return undefined;
  const localTime = latestMicros(month, day, seconds, fallbackTime);
  const time = localTime === undefined || toUtc === undefined ? localTime : toUtc(localTime);
  const oddTime = time === undefined ? line.slice(at, clockEnd) : undefined;
  return { time, oddTime, timeSource: 'record+object', hostFollows: true, end: skipBlanks(line, clockEnd) };
}

interface Program {
  readonly process: string;
  readonly pid: number | null;
  readonly end: number;
}

/** `name[pid]:`, or `name:` unless `pidNeeded`: without a host before it, a queue id would look the same. */
function readProgram(line: string, at: number, pidNeeded: boolean): Program | undefined {
  const word = wordEnd(line, at);
  if (line.charAt(word - 1) !== ':' || word - at < 2) return undefined;
  const end = skipBlanks(line, word);
  const open = line.charAt(word - 2) === ']' ? lastOpen(line, at, word) : -1;
  const pid = open > at ? Number(line.slice(open + 1, word - 2)) : Number.NaN;
  if (open > at && (pid | 0) === pid && open + 1 < word - 2) return { process: line.slice(at, open), pid, end };
  return pidNeeded ? undefined : { process: line.slice(at, word - 1), pid: null, end };
}

/** The last `[` between the two places, or the first of them. */
function lastOpen(line: string, from: number, to: number): number {
  let open = to - 1;
  while (open > from && line.charCodeAt(open) !== 91) open--;
  return open;
}

function skipPriority(line: string): number {
  if (line.charAt(0) !== '<') return 0;
  let at = 1;
  while (at <= 3 && line.charCodeAt(at) >= 48 && line.charCodeAt(at) <= 57) at++;
  return at > 1 && line.charAt(at) === '>' ? at + 1 : 0;
}

/** The end of the word at `at`: the next blank, or the end of the line. */
function wordEnd(line: string, at: number): number {
  const blank = line.indexOf(' ', at);
  return blank < 0 ? line.length : blank;
}

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (line.charAt(at) === ' ') at++;
  return at;
}
