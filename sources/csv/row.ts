/** Rows of a CSV stream, cut out but not decoded, and the cells of one. RFC 4180, and lines that end with `\n` alone. */
import type { RawRecord } from '../../tables/table.ts';
import { comma, isByteOrderMark, newline, quote } from '../json-value.ts';
import { createLineSplitter } from '../lines.ts';
import { createCollector, recordBytesMax, type Splitter } from '../splitter.ts';

/** Where the next byte lies: at the beginning of a `cell`, in a `bare` or `quoted` one, or behind a quote that may have `closed` it. */
type State = 'cell' | 'bare' | 'quoted' | 'closed';

const carriageReturn = 0x0d;

/**
 * Newlines within quotes are part of their cell. Rows of nothing but blanks are left out; `line` is the row's first line.
 * Where a quote is never closed, the lines behind it are rows: one bad row must not take the others with it.
 */
export function createRowSplitter(): Splitter<RawRecord> {
  const collector = createCollector();
  let state: State = 'cell';
  let chunkOffset = 0;
  let rowOffset = 0;
  let rowLine = 1;
  let newlineCount = 0;

  function finishRow(rows: RawRecord[], nextOffset: number): void {
    const { bytes, ...rest } = collector.take();
    let from = 0;
    while (isByteOrderMark(bytes[from], rowOffset + from)) from += 1;
    const to = rest.oversized !== true && bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
    const row = bytes.subarray(from, to);
    if (!isBlank(row)) rows.push({ bytes: row, offset: rowOffset + from, line: rowLine, ...rest });
    rowOffset = nextOffset;
    rowLine += newlineCount;
    newlineCount = 0;
    state = 'cell';
  }

  function passQuoted(chunk: Uint8Array, from: number): number {
    const close = chunk.indexOf(quote, from);
    const to = close === -1 ? chunk.length : close;
    for (const byte of chunk.subarray(from, to)) if (byte === newline) newlineCount += 1;
    if (close !== -1) state = 'closed';
    else if (chunkOffset + to - rowOffset > recordBytesMax) state = 'bare';
    return to + 1;
  }

  return {
    push(chunk) {
      const rows: RawRecord[] = [];
      let from = 0;
      for (let at = 0; at < chunk.length;) {
        if (state === 'quoted') {
          at = passQuoted(chunk, at);
          continue;
        }
        const byte = chunk[at];
        if (byte === newline) {
          newlineCount += 1;
          collector.add(chunk.subarray(from, at));
          from = at + 1;
          finishRow(rows, chunkOffset + from);
        } else if (byte === comma) state = 'cell';
        else if (byte === quote && state !== 'bare') state = 'quoted';
        else if (!isByteOrderMark(byte, chunkOffset + at)) state = 'bare';
        at += 1;
      }
      collector.add(chunk.subarray(from));
      chunkOffset += chunk.length;
      return rows;
    },
    end() {
      const rows: RawRecord[] = [];
      const isOpen = state === 'quoted';
      finishRow(rows, chunkOffset);
      const [row] = rows;
      if (!isOpen || row === undefined || row.oversized === true) return rows;
      const lines = createLineSplitter({ offset: row.offset, line: row.line });
      return [...lines.push(row.bytes), ...lines.end()];
    },
  };
}

function isBlank(row: Uint8Array): boolean {
  let at = 0;
  while (row[at] === 0x20) at += 1;
  return at === row.length;
}

/** The cells of a row without its line end; undefined where its quotes are not RFC 4180's. */
export function readCells(row: string): string[] | undefined {
  const cells: string[] = [];
  for (let at = 0; ; at += 1) {
    if (row[at] === '"') {
      let cell = '';
      for (;;) {
        const close = row.indexOf('"', at + 1);
        if (close === -1) return undefined;
        cell += row.slice(at + 1, close);
        at = close + 1;
        if (row[at] !== '"') break;
        cell += '"';
      }
      cells.push(cell);
      if (at < row.length && row[at] !== ',') return undefined;
    } else {
      const next = row.indexOf(',', at);
      const end = next === -1 ? row.length : next;
      cells.push(row.slice(at, end));
      at = end;
    }
    if (at >= row.length) return cells;
  }
}
