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

/** Of a sender sendmail writes so many characters: https://github.com/freebsd/freebsd-src/blob/main/contrib/sendmail/src/envelope.c */
const longestSender = 200;

/** Reads `line` from `from` to its end. One pass; linear whatever the line. */
export function scanEquates(line: string, from: number): Equates {
  const { qid, end: start } = readQueueId(line, from);
  const first = knownKeyAt(line, start);
  const kind = first === undefined ? undefined : kindByKey[first];
  if (first !== undefined && kind !== undefined)
    return { qid, kind, message: null, ...readEquates(line, start, first) };
  const message = line.slice(start) || null;
  return readMilter(qid, message) ?? { qid, kind: 'other', keys: [], values: [], message };
}

function readEquates(line: string, start: number, first: string): Pick<Equates, 'keys' | 'values'> {
  const keys: string[] = [];
  const values: string[] = [];
  let key: string | undefined = first;
  let at = start;
  let lastStat: number | undefined;
  while (key !== undefined) {
    const valueAt: number = at + key.length + 1;
    let end = line.length;
    let next: string | undefined;
    // what a remote server answered may hold anything, and `stat` stands behind it
    if (key === 'reply') lastStat ??= line.lastIndexOf(', stat=');
    if (key === 'reply' && lastStat !== undefined && lastStat >= valueAt) {
      end = lastStat;
      next = 'stat';
    } else if (key !== 'stat' && key !== 'reject') {
      let comma = separatorAfter(line, valueAt, key === 'from' ? longestSender : undefined);
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
  if (first === 'from') uniteMessageId(keys, values);
  else if (first === 'ruleset') cutVerdict(keys, values);
  return { keys, values };
}

/** The first `, ` after the addresses in angle brackets that the value begins with: they may hold anything. */
function separatorAfter(line: string, valueAt: number, longest: number | undefined): number {
  let at = valueAt;
  for (let close = bracketEnd(line, at, longest); close >= 0; close = bracketEnd(line, at, longest))
    at = line.startsWith(',<', close + 1) ? close + 2 : close;
  return line.indexOf(', ', at);
}

/**
 * The sender chooses the Message-ID, and sendmail writes it as it is: `msgid=x, relay=trusted.example [192.0.2.1], proto=…, relay=…`. A key that was
 * there before, or comes again, is none of sendmail's: up to the last of those, all is Message-ID.
 */
function uniteMessageId(keys: string[], values: string[]): void {
  const at = keys.indexOf('msgid');
  if (at < 0) return;
  let last = at;
  for (let index = at + 1; index < keys.length; index++) {
    const key = keys[index]!;
    if (keys.indexOf(key) <= at || keys.indexOf(key, index + 1) > 0) last = index;
  }
  if (last === at) return;
  const pieces = keys.slice(at + 1, last + 1).map((key, index) => `${key}=${values[at + 1 + index] ?? ''}`);
  values[at] = [values[at], ...pieces].join(', ');
  keys.splice(at + 1, last - at);
  values.splice(at + 1, last - at);
}

const discards = ', discard';

/** A ruleset that discards says so in a word behind its pairs. */
function cutVerdict(keys: string[], values: string[]): void {
  const last = values.length - 1;
  const value = values[last]!;
  if (keys[last] === 'reject' || !value.endsWith(discards)) return;
  values[last] = value.slice(0, -discards.length);
  keys.push('discard');
  values.push('true');
}

/** `Milter: to=<a@b>, reject=550 …`, `Milter: data, reject=554 …`: a filter rejects as a ruleset does. */
function readMilter(qid: string | null, message: string | null): Equates | undefined {
  if (message === null || !message.startsWith('Milter: ')) return undefined;
  const start = 'Milter: '.length;
  const first = knownKeyAt(message, start);
  const reject = message.indexOf(', reject=', start);
  if (reject < 0) return undefined;
  if (first !== undefined) return { qid, kind: 'ruleset', message: null, ...readEquates(message, start, first) };
  return {
    qid,
    kind: 'ruleset',
    keys: ['reject'],
    values: [message.slice(reject + ', reject='.length)],
    message: message.slice(0, reject),
  };
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
