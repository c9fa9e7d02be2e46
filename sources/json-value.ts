/** Finds where a JSON value ends, chunk by chunk, without parsing it: brackets are counted, strings are skipped. */

export const quote = 0x22;
const backslash = 0x5c;
export const newline = 0x0a;
export const comma = 0x2c;
export const colon = 0x3a;
export const openArray = 0x5b;
export const closeArray = 0x5d;
export const openObject = 0x7b;
export const closeObject = 0x7d;

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === newline || byte === 0x0d || byte === 0x09;
}

/** A byte order mark is no part of the text: https://www.rfc-editor.org/rfc/rfc8259#section-8.1 */
export function isByteOrderMark(byte: number | undefined, offset: number): boolean {
  return (offset === 0 && byte === 0xef) || (offset === 1 && byte === 0xbb) || (offset === 2 && byte === 0xbf);
}

/** Nesting deeper than this is counted but its kinds are not remembered. */
const kindsMax = 256;

/**
 * Why a scan stopped: `whole` after the value's last byte; `broken` before a `{` at the beginning of a line where JSON allows none
 * (the value was cut, the next one begins); `array` after the `[` that a key of the outermost object holds.
 */
export type Stop = 'whole' | 'broken' | 'array';

export interface ScanOptions {
  readonly stopWhenBroken?: boolean;
  readonly stopAtArray?: boolean;
}

export interface ValueScanner {
  /** Begins a value with its first byte, which is then behind the scan: `{`, `[` or a quote. */
  begin(firstByte: number): void;
  /** Goes on from index `from`; returns the index where it stopped, or the chunk's length with `stop` undefined. */
  advance(chunk: Uint8Array, from: number, options?: ScanOptions): number;
  readonly stop: Stop | undefined;
}

export function createValueScanner(): ValueScanner {
  const kinds = new Uint8Array(kindsMax);
  let depth = 0;
  let inString = false;
  /** The last byte seen, and the last outside strings that is not blank. */
  let lastByte = 0;
  let previous = 0;
  /** The last byte seen is a backslash that escapes the next one. */
  let escaped = false;
  let stop: Stop | undefined;
  /** Looked up once a chunk, not once a value. */
  let searched: Uint8Array | undefined;
  let searchedFrom = 0;
  let lineBegin = 0;

  /** A `{` belongs after `[` or `,` in an array and after `:` in an object. */
  function mayOpenObject(): boolean {
    if (depth > kindsMax) return true;
    if (kinds[depth - 1] === openArray) return previous === openArray || previous === comma;
    return previous === colon;
  }

  /** The first `{` at or behind `from` that begins a line; the chunk's length where there is none. */
  function nextLineBegin(chunk: Uint8Array, from: number): number {
    if (searched === chunk && searchedFrom <= from && from <= lineBegin) return lineBegin;
    searched = chunk;
    searchedFrom = from;
    lineBegin = chunk.length;
    if (chunk[from] === openObject && (from > 0 ? chunk[from - 1] : lastByte) === newline) {
      lineBegin = from;
    } else {
      for (let at = chunk.indexOf(newline, from); at !== -1; at = chunk.indexOf(newline, at + 1)) {
        if (chunk[at + 1] !== openObject) continue;
        lineBegin = at + 1;
        break;
      }
    }
    return lineBegin;
  }

  /** Index behind the string's closing quote, or the chunk's length with `inString` still set. */
  function passString(chunk: Uint8Array, from: number): number {
    const begin = escaped ? from + 1 : from;
    escaped = false;
    for (let at = chunk.indexOf(quote, begin); at !== -1; at = chunk.indexOf(quote, at + 1)) {
      if (backslashesBefore(chunk, begin, at) % 2 === 1) continue;
      inString = false;
      previous = quote;
      return at + 1;
    }
    escaped = backslashesBefore(chunk, begin, chunk.length) % 2 === 1;
    return chunk.length;
  }

  function passByte(byte: number, stopAtArray: boolean): void {
    if (byte === quote) {
      inString = true;
    } else if (byte === openObject || byte === openArray) {
      if (stopAtArray && byte === openArray && depth === 1 && previous === colon) stop = 'array';
      if (depth < kindsMax) kinds[depth] = byte;
      depth += 1;
      previous = byte;
    } else if (byte === closeObject || byte === closeArray) {
      depth -= 1;
      previous = byte;
      if (depth === 0) stop = 'whole';
    } else if (byte > 0x20) {
      previous = byte;
    }
  }

  return {
    get stop() {
      return stop;
    },

    begin(firstByte) {
      inString = firstByte === quote;
      depth = inString ? 0 : 1;
      kinds[0] = firstByte;
      escaped = false;
      previous = firstByte;
      lastByte = firstByte;
      stop = undefined;
    },

    advance(chunk, from, { stopWhenBroken = false, stopAtArray = false } = {}) {
      stop = undefined;
      let at = from;
      let suspect = stopWhenBroken ? nextLineBegin(chunk, from) : chunk.length;
      while (at < chunk.length && stop === undefined) {
        if (inString) {
          at = passString(chunk, at);
          if (suspect < at) {
            stop = 'broken';
            return suspect;
          }
          if (!inString && depth === 0) stop = 'whole';
          continue;
        }
        if (at === suspect) {
          if (!mayOpenObject()) {
            stop = 'broken';
            return at;
          }
          suspect = nextLineBegin(chunk, at + 1);
        }
        passByte(chunk[at] as number, stopAtArray);
        at += 1;
      }
      lastByte = chunk.at(-1) ?? lastByte;
      return at;
    },
  };
}

function backslashesBefore(chunk: Uint8Array, begin: number, end: number): number {
  let at = end;
  while (at > begin && chunk[at - 1] === backslash) at -= 1;
  return end - at;
}
