/** Lines of a text stream as records. */
import type { RawRecord } from '../tables/table.ts';
import { createCollector, recordBytesMax, type Splitter } from './splitter.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/**
 * Splits at `\n`, takes one `\r` off the end, skips lines of nothing but blanks; the last line needs no newline.
 * `offset` and `line` are the place in the source where the stream begins.
 */
export function createLineSplitter({ offset = 0, line = 1 } = {}): Splitter<RawRecord> {
  const collector = createCollector();
  /** The collector has the beginning of the line. */
  let isOpen = false;
  let lineOffset = offset;
  let lineNumber = line;
  let nextOffset = offset;

  /** The line that lies in `bytes` from `from` to `to`. */
  function addLine(records: RawRecord[], bytes: Uint8Array, from: number, to: number): void {
    const start = lineOffset === 0 && byteOrderMark.every((byte, at) => bytes[from + at] === byte) ? from + 3 : from;
    const end = to > start && bytes[to - 1] === carriageReturn ? to - 1 : to;
    if (isBlank(bytes, start, end)) return;
    records.push({ bytes: bytes.subarray(start, end), offset: lineOffset + start - from, line: lineNumber });
  }

  function addOpenLine(records: RawRecord[]): void {
    isOpen = false;
    const { bytes, oversized } = collector.take();
    if (oversized === true) records.push({ bytes, offset: lineOffset, line: lineNumber, oversized });
    else addLine(records, bytes, 0, bytes.length);
  }

  return {
    push(chunk) {
      const records: RawRecord[] = [];
      let from = 0;
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
        if (isOpen || at - from > recordBytesMax) {
          collector.add(chunk.subarray(from, at));
          addOpenLine(records);
        } else addLine(records, chunk, from, at);
        from = at + 1;
        lineOffset = nextOffset + from;
        lineNumber += 1;
      }
      if (from < chunk.length) {
        collector.add(chunk.subarray(from));
        isOpen = true;
      }
      nextOffset += chunk.length;
      return records;
    },
    end() {
      const records: RawRecord[] = [];
      addOpenLine(records);
      return records;
    },
  };
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== carriageReturn) return false;
  }
  return true;
}
