/** Rows of a CSV stream with a header, as JSON records. */
import { decodeUtf8 } from '../../tables/decode.ts';
import type { RawRecord, Reject } from '../../tables/table.ts';
import type { Splitter } from '../splitter.ts';
import { readHeader, type RecordWriter, writerOf } from './header.ts';
import { createRowSplitter, readCells } from './row.ts';

export interface CsvOptions {
  /** Of each table that the rows may be for: its columns and their paths. */
  readonly columns: readonly Readonly<Record<string, string>>[];
}

/**
 * `bytes` of a record is the JSON text that its row makes, `offset` and `line` are the row's. A row that makes none keeps its own
 * bytes, for a dead letter. The first row must be a header, see `readHeader`.
 */
export function createCsvSplitter({ columns }: CsvOptions): Splitter<RawRecord> {
  const splitter = createRowSplitter();
  let header: { readonly cellCount: number; readonly write: RecordWriter } | undefined;

  function toRecord(row: RawRecord, { cellCount, write }: NonNullable<typeof header>): RawRecord {
    if (row.oversized === true) return row;
    const { text, exact } = decodeUtf8(row.bytes);
    if (!exact) return rejected(row, 'invalid_csv', 'the row must be UTF-8');
    const cells = readCells(text);
    if (cells === undefined) return rejected(row, 'invalid_csv', 'quotes must enclose whole cells');
    if (cells.length !== cellCount) {
      return rejected(row, 'invalid_csv', `the row must have as many cells as the header: ${cellCount}`);
    }
    const json = write(cells);
    if (json === undefined)
      return rejected(row, 'invalid_record', 'the row must have at least one cell that is not empty');
    return { ...row, bytes: Buffer.from(json) };
  }

  function toRecords(rows: readonly RawRecord[]): readonly RawRecord[] {
    const records: RawRecord[] = [];
    for (const row of rows) {
      if (header !== undefined) {
        records.push(toRecord(row, header));
        continue;
      }
      const names = readHeader(decodeUtf8(row.bytes).text) ?? [];
      header = { cellCount: names.length, write: writerOf(names, columns) };
    }
    return records;
  }

  return {
    push: (chunk) => toRecords(splitter.push(chunk)),
    end: () => toRecords(splitter.end()),
  };
}

function rejected(row: RawRecord, code: Reject['code'], reason: string): RawRecord {
  return { ...row, reject: { code, reason } };
}
