/**
 * The grammar of filter logs: `key=value` separated by blanks. Keys come in any order, repeat, and may hold dots; values may be empty, end in a
 * comma, or be quoted with `\"` inside, as a whole or in part; words that are no pair may stand anywhere. Shapes after
 * https://github.com/elastic/beats/tree/main/x-pack/filebeat/module/proofpoint and https://github.com/splunk/splunk-connect-for-syslog
 */

export interface Pairs {
  /** The first word, where it is no pair: `rprt`, `info`, `warn`, `err`, `note`. */
  readonly tag: string | null;
  readonly keys: string[];
  /** By position of the key, without quotes and escapes. */
  readonly values: string[];
  /** The other words that are no pair, in order. */
  readonly words: string[];
}

const blank = 32;
const quote = 34;
const equals = 61;
const backslash = 92;

/** Letters, digits, `_`, `.` and `-`. */
const isKeyCode = new Uint8Array(65_536);
for (const sign of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-')
  isKeyCode[sign.charCodeAt(0)] = 1;

/** Reads `line` from `from` to its end. One pass; linear whatever the line. */
export function scanPairs(line: string, from: number): Pairs {
  const keys: string[] = [];
  const values: string[] = [];
  const words: string[] = [];
  let tag: string | null = null;
  /** The last value ended in a comma: a word after it goes on with it, as in `engine=2.50.10434:6.0.216, 18.0.687`. */
  let goesOn = false;
  let at = from;
  while (at < line.length) {
    if (line.charCodeAt(at) === blank) {
      at++;
      continue;
    }
    const start = at;
    while (isKeyCode[line.charCodeAt(at)] === 1) at++;
    if (at > start && line.charCodeAt(at) === equals) {
      keys.push(line.slice(start, at));
      const valueAt = at + 1;
      const isBracketed = line.startsWith('<"', valueAt);
      const close =
        isBracketed || line.charCodeAt(valueAt) === quote ? quoteEnd(line, valueAt + (isBracketed ? 2 : 1)) : -1;
      if (close >= 0 && !isBracketed && (close >= line.length - 1 || line.charCodeAt(close + 1) === blank)) {
        values.push(unescaped(line.slice(valueAt + 1, close)));
        at = close + 1;
        goesOn = false;
      } else if (close >= 0 && close < line.length) {
        // the quotes are part of the value: `"a b"@c.example`, `<"a b"@c.example>`
        at = wordEnd(line, close + 1);
        values.push(line.slice(valueAt, at));
        goesOn = false;
      } else {
        const end = wordEnd(line, at);
        values.push(line.slice(at + 1, end));
        goesOn = line.charAt(end - 1) === ',';
        at = end;
      }
      continue;
    }
    at = wordEnd(line, at);
    const word = line.slice(start, at);
    if (goesOn) {
      values[values.length - 1] += ` ${word}`;
      goesOn = word.endsWith(',');
    } else if (start === from) tag = word;
    else words.push(word);
  }
  return { tag, keys, values, words };
}

/** The closing quote, or the end of a line that was cut within quotes. */
function quoteEnd(line: string, from: number): number {
  let at = from;
  while (at < line.length) {
    const code = line.charCodeAt(at);
    if (code === quote) return at;
    at += code === backslash ? 2 : 1;
  }
  return line.length;
}

function unescaped(text: string): string {
  let slash = text.indexOf('\\');
  if (slash < 0) return text;
  let plain = '';
  let from = 0;
  while (slash >= 0) {
    const next = text.charCodeAt(slash + 1);
    const escapes = next === quote || next === backslash;
    plain += text.slice(from, escapes ? slash : slash + 1);
    from = slash + 1;
    slash = text.indexOf('\\', escapes ? slash + 2 : slash + 1);
  }
  return plain + text.slice(from);
}

function wordEnd(line: string, at: number): number {
  const end = line.indexOf(' ', at);
  return end < 0 ? line.length : end;
}
