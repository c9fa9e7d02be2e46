/** Records of a stream that is JSON of some form or CSV with a header: its first line tells. */
import type { RawRecord } from '../tables/table.ts';
import { readHeader } from './csv/header.ts';
import { createCsvSplitter, type CsvOptions } from './csv/records.ts';
import { createJsonSplitter } from './json-records.ts';
import { isByteOrderMark, isSpace, newline, openArray, openObject } from './json-value.ts';
import type { Splitter } from './splitter.ts';

/** A first line that is longer is no header. */
const headerBytesMax = 64 << 10;

export function createRecordSplitter(options: CsvOptions): Splitter<RawRecord> {
  let beginning: Uint8Array = new Uint8Array();
  let chosen: Splitter<RawRecord> | undefined;

  function choose(form: RecordForm): readonly RawRecord[] {
    chosen = form === 'csv' ? createCsvSplitter(options) : createJsonSplitter();
    return chosen.push(beginning);
  }

  return {
    push(chunk) {
      if (chosen !== undefined) return chosen.push(chunk);
      beginning = beginning.length === 0 ? chunk : Buffer.concat([beginning, chunk]);
      const form = formOf(beginning);
      return form === undefined ? [] : choose(form);
    },
    end() {
      const records = chosen === undefined ? choose(formOf(beginning, true) ?? 'json') : [];
      return [...records, ...(chosen?.end() ?? [])];
    },
  };
}

/** `other`: lines of text, or JSON that is not a value's beginning. */
export type RecordForm = 'json' | 'csv' | 'other';

/** Undefined where more bytes are needed to tell. */
export function formOf(beginning: Uint8Array, isWhole = false): RecordForm | undefined {
  let from = 0;
  while (isSpace(beginning[from]) || isByteOrderMark(beginning[from], from)) from += 1;
  const first = beginning[from];
  if (first === openObject || first === openArray) return 'json';
  const end = beginning.indexOf(newline, from);
  if (end === -1 && !isWhole) return beginning.length > headerBytesMax ? 'other' : undefined;
  const line = Buffer.from(beginning.subarray(from, end === -1 ? beginning.length : end)).toString('utf8');
  return line.length <= headerBytesMax && readHeader(line.trimEnd()) !== undefined ? 'csv' : 'other';
}
