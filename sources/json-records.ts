/** JSON records of a stream, cut out but not parsed, in whatever form they were shipped: lines, values, an array, `Records`. */
import type { RawRecord } from '../tables/table.ts';
import {
  closeArray,
  comma,
  createValueScanner,
  isByteOrderMark,
  isSpace,
  newline,
  openArray,
  openObject,
  quote,
} from './json-value.ts';
import { createLineSplitter } from './lines.ts';
import { createCollector, type Splitter } from './splitter.ts';

/**
 * Where the next byte lies: `between` values; in a `value` or a `bare` word; behind the `first` value, on which the form of the
 * rest depends; in a `wrapper` behind its `Records`.
 */
type State = 'between' | 'value' | 'bare' | 'first' | 'wrapper';

/**
 * Records are what stands in a top-level array, in the array `Records` of a top-level object, or at the top level itself. There, a
 * first value that has a line of its own makes every further line a record, whatever is in it, so that a bad line is one bad
 * record; otherwise values follow each other freely (pretty-printed, or without newlines).
 * Never throws: what is no JSON and what is cut off become records too, for the table to reject. `line` is the line number where
 * lines are records, else the number of the record.
 */
export function createJsonSplitter(): Splitter<RawRecord> {
  const collector = createCollector();
  const scanner = createValueScanner();
  let lines: Splitter<RawRecord> | undefined;
  let state: State = 'between';
  let inArray = false;
  let inWrapper = false;
  /** Until then a line may turn out to be a record, and an object to wrap `Records`. */
  let formKnown = false;
  let wrapped = false;
  let first: RawRecord | undefined;
  let recordOffset = 0;
  let recordCount = 0;
  let newlineCount = 0;
  let chunkOffset = 0;
  let records: RawRecord[] = [];

  function takeRecord(line: number): RawRecord {
    const { bytes, ...rest } = collector.take();
    recordCount += 1;
    if (!formKnown) newlineCount += countNewlines(bytes);
    return { bytes: trimEnd(bytes), offset: recordOffset, line, ...rest };
  }

  function emit(): void {
    const record = takeRecord(formKnown ? recordCount + 1 : newlineCount + 1);
    // Where the first line is cut, good lines may have been taken for its rest.
    const cutLines = !formKnown && record.oversized !== true && isLines(record.bytes);
    for (const line of cutLines ? asLines(record) : [record]) records.push(line);
    state = 'between';
  }

  function passBetween(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0;
    const offset = chunkOffset + at;
    if (isSpace(byte) || byte === comma || isByteOrderMark(byte, offset)) {
      if (byte === newline) newlineCount += 1;
    } else if (inArray && byte === closeArray) {
      inArray = false;
      if (inWrapper) {
        scanner.begin(openObject);
        state = 'wrapper';
      }
    } else if (!inArray && byte === openArray) {
      inArray = true;
      formKnown = true;
    } else {
      recordOffset = offset;
      collector.add(chunk.subarray(at, at + 1));
      if (byte === openObject || byte === openArray || (byte === quote && inArray)) {
        scanner.begin(byte);
        state = 'value';
      } else {
        state = 'bare';
      }
    }
    return at + 1;
  }

  function passValue(chunk: Uint8Array, from: number): number {
    const to = scanner.advance(chunk, from, {
      stopWhenBroken: !inArray,
      stopAtArray: !inArray && (wrapped || !formKnown),
    });
    collector.add(chunk.subarray(from, to));
    if (scanner.stop === 'array' && endsWithRecordsKey(collector.tail(recordsKeyBytes))) {
      collector.take();
      formKnown = true;
      wrapped = true;
      inArray = true;
      inWrapper = true;
      state = 'between';
    } else if (scanner.stop === 'broken' || (scanner.stop === 'whole' && formKnown)) {
      emit();
    } else if (scanner.stop === 'whole') {
      first = takeRecord(newlineCount + 1);
      state = 'first';
    }
    return to;
  }

  /** A bare word of an array ends where JSON says; at the top level it is some text, and ends with its line. */
  function passBare(chunk: Uint8Array, from: number): number {
    let to = from;
    if (inArray) {
      while (to < chunk.length && !isSpace(chunk[to]) && chunk[to] !== comma && chunk[to] !== closeArray) to += 1;
    } else {
      to = chunk.indexOf(newline, from);
      if (to === -1) to = chunk.length;
    }
    collector.add(chunk.subarray(from, to));
    if (to < chunk.length) emit();
    return to;
  }

  function passFirst(chunk: Uint8Array, at: number): number {
    const isLine = first !== undefined && !first.bytes.includes(newline);
    if (isLine && chunk[at] !== newline && isSpace(chunk[at])) return at + 1;
    if (first !== undefined && isLine && chunk[at] === newline) {
      lines = createLineSplitter({ offset: chunkOffset + at, line: first.line });
      records = [...records, first, ...lines.push(chunk.subarray(at))];
      return chunk.length;
    }
    if (first !== undefined) records.push({ ...first, line: recordCount });
    formKnown = true;
    state = 'between';
    return at;
  }

  function passWrapper(chunk: Uint8Array, from: number): number {
    const to = scanner.advance(chunk, from);
    if (scanner.stop === 'whole') {
      inWrapper = false;
      state = 'between';
    }
    return to;
  }

  const pass: Readonly<Record<State, (chunk: Uint8Array, from: number) => number>> = {
    between: passBetween,
    value: passValue,
    bare: passBare,
    first: passFirst,
    wrapper: passWrapper,
  };

  return {
    push(chunk) {
      if (lines !== undefined) return lines.push(chunk);
      records = [];
      for (let at = 0; at < chunk.length;) at = pass[state](chunk, at);
      chunkOffset += chunk.length;
      return records;
    },
    end() {
      if (lines !== undefined) return lines.end();
      records = [];
      if (state === 'first' && first !== undefined) {
        records.push(first);
      } else if (state === 'value' || state === 'bare') {
        emit();
      } else if (inArray || inWrapper) {
        // Cut off between two records: nobody knows how many are missing, so that place becomes a record that cannot be one.
        recordOffset = chunkOffset;
        emit();
      }
      return records;
    },
  };
}

/** Room for the key, its colon and bracket, and some blanks. */
const recordsKeyBytes = 64;

function endsWithRecordsKey(bytes: Uint8Array): boolean {
  return /(?<!\\)"Records"\s*:\s*\[$/.test(Buffer.from(bytes.subarray(-recordsKeyBytes)).toString('latin1'));
}

/** Every line begins with a `{`, which pretty-printed values do not do. */
function isLines(bytes: Uint8Array): boolean {
  let begin = 0;
  do {
    if (bytes[begin] !== openObject) return false;
    begin = bytes.indexOf(newline, begin) + 1;
  } while (begin > 0);
  return true;
}

function asLines({ bytes, offset, line }: RawRecord): RawRecord[] {
  const splitter = createLineSplitter({ offset, line });
  return [...splitter.push(bytes), ...splitter.end()];
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count += 1;
  return count;
}

function trimEnd(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && isSpace(bytes[end - 1])) end -= 1;
  return bytes.subarray(0, end);
}
