/**
 * The grammar of sendmail logs: an optional queue id, then `key=value` separated by `, `. Values are free text that may hold `, x=` themselves
 * (`stat=Sent (<…> [InternalId=1, Hostname=h] …)`), so a separator counts only before a key that sendmail is known to write, and `stat` and
 * `reject` run to the end of the line. Keys: sendmail, 4th edition, §14.6; STARTTLS and AUTH: https://www.sendmail.org/~ca/email/starttls.html
 */
import { bracketEnd } from './items.ts';

export type RecordKind = 'from' | 'to' | 'starttls' | 'auth' | 'ruleset' | 'other';

export interface Equates {
  readonly qid: string | null;
  readonly kind: RecordKind;
  readonly keys: string[];
  /** By position of the key. */
  readonly values: string[];
  /** The text of a line that is no list of equates. */
  readonly message: string | null;
}

const kindByKey: Readonly<Record<string, RecordKind | undefined>> = {
  from: 'from',
  to: 'to',
  STARTTLS: 'starttls',
  AUTH: 'auth',
  ruleset: 'ruleset',
};

/** From and to lines, then TLS and authentication, then rulesets. */
const knownKeys: ReadonlyMap<string, string> = new Map(
  `from to size class nrcpts msgid bodytype proto daemon auth relay tls_verify tls_version cipher
   ctladdr delay xdelay mailer pri dsn reply quarantine stat
   STARTTLS AUTH version verify bits mech authid
   ruleset arg1 arg2 reject`
    .split(/\s+/)
    .map((key) => [key, key]),
);
const longestKey = 'tls_version'.length;

/** Reads `line` from `from` to its end. One pass; linear whatever the line. */
export function scanEquates(line: string, from: number): Equates {
  const { qid, end: start } = readQueueId(line, from);
  const keys: string[] = [];
  const values: string[] = [];
  let key = knownKeyAt(line, start);
  const kind = key === undefined ? undefined : kindByKey[key];
  if (key === undefined || kind === undefined)
    return { qid, kind: 'other', keys, values, message: line.slice(start) || null };

  let at = start;
  while (key !== undefined) {
    const valueAt: number = at + key.length + 1;
    let end = line.length;
    let next: string | undefined;
    if (key !== 'stat' && key !== 'reject') {
      let comma = separatorAfter(line, valueAt);
      while (comma >= 0 && next === undefined) {
        next = knownKeyAt(line, comma + 2);
        if (next !== undefined) end = comma;
        else comma = line.indexOf(', ', comma + 2);
      }
    }
    keys.push(key);
    values.push(line.slice(valueAt, end));
    at = end + 2;
    key = next;
  }
  return { qid, kind, keys, values, message: null };
}

/** The first `, ` after the addresses in angle brackets that the value begins with: they may hold anything. */
function separatorAfter(line: string, valueAt: number): number {
  let at = valueAt;
  for (let close = bracketEnd(line, at); close >= 0; close = bracketEnd(line, at))
    at = line.startsWith(',<', close + 1) ? close + 2 : close;
  return line.indexOf(', ', at);
}

function knownKeyAt(line: string, at: number): string | undefined {
  const limit = Math.min(at + longestKey, line.length - 1);
  for (let end = at; end <= limit; end++) {
    const code = line.charCodeAt(end);
    if (code === 61) {
      // not the slice: looking up a string that was looked up before is faster
      return knownKeys.get(line.slice(at, end));
    }
    // a blank or a comma ends the search early; anything else fails the look-up
    if (code <= 44) return undefined;
  }
  return undefined;
}

/** `w3HMZPVT056101: ` or `NOQUEUE: `: letters and digits, at least five, one of them a digit. */
function readQueueId(line: string, from: number): { qid: string | null; end: number } {
  let at = from;
  let hasDigit = false;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    const digit = code >= 48 && code <= 57;
    if (!digit && !(code >= 65 && code <= 90) && !(code >= 97 && code <= 122)) break;
    hasDigit ||= digit;
  }
  const word = line.charAt(at) === ':' && at - from <= 32 ? line.slice(from, at) : '';
  if (word !== 'NOQUEUE' && (word.length < 5 || !hasDigit)) return { qid: null, end: from };
  const end = line.charAt(at + 1) === ' ' ? at + 2 : at + 1;
  return { qid: word === 'NOQUEUE' ? null : word, end };
}
