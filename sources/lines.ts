/** Lines of a text stream as records. */
import type { RawRecord } from '../tables/table.ts';
import { createCollector, type Splitter } from './splitter.ts';

const newline = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];

/**
 * Splits at `\n`, takes one `\r` off the end, skips lines of nothing but blanks; the last line needs no newline.
 * `offset` and `line` are the place in the source where the stream begins.
 */
export function createLineSplitter({ offset = 0, line = 1 } = {}): Splitter<RawRecord> {
  const collector = createCollector();
  let lineOffset = offset;
  let lineNumber = line;
  let nextOffset = offset;

  function finishLine(records: RawRecord[]): void {
    const { bytes, ...rest } = collector.take();
    const skip = lineOffset === 0 && byteOrderMark.every((byte, at) => bytes[at] === byte) ? 3 : 0;
    const end = rest.oversized !== true && bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
    if (!isBlank(bytes, skip, end)) {
      records.push({ bytes: bytes.subarray(skip, end), offset: lineOffset + skip, line: lineNumber, ...rest });
    }
  }

  return {
    push(chunk) {
      const records: RawRecord[] = [];
      let from = 0;
      for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
        collector.add(chunk.subarray(from, at));
        finishLine(records);
        from = at + 1;
        lineOffset = nextOffset + from;
        lineNumber += 1;
      }
      collector.add(chunk.subarray(from));
      nextOffset += chunk.length;
      return records;
    },
    end() {
      const records: RawRecord[] = [];
      finishLine(records);
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
