/** Records of a TAP answer: an object with one list per table. Its structure is checked, what is in a record is not. */
import { IngestError } from '../../errors/ingest-error.ts';
import type { RawRecord, TableName } from '../../tables/table.ts';
import {
  closeArray,
  closeObject,
  colon,
  comma,
  createValueScanner,
  isByteOrderMark,
  isSpace,
  openArray,
  openObject,
  quote,
} from '../json-value.ts';
import { createCollector, inBatches, type Splitter } from '../splitter.ts';

export interface TapRecord {
  readonly table: TableName;
  /** `line` is its number in its list, from 1. */
  readonly record: RawRecord;
}

/** To be iterated once. */
export interface TapBody extends AsyncIterable<TapRecord[]> {
  /** The vendor's end of the window, ISO time; known once the iteration is over, undefined where the vendor named none. */
  readonly queryEndTime: string | undefined;
}

const tables: ReadonlyMap<string, TableName> = new Map([
  ['messagesDelivered', 'proofpoint_tap_messages_delivered'],
  ['messagesBlocked', 'proofpoint_tap_messages_blocked'],
  ['clicksPermitted', 'proofpoint_tap_clicks_permitted'],
  ['clicksBlocked', 'proofpoint_tap_clicks_blocked'],
]);

/**
 * The records of a 200 answer to /v2/siem/all. A list may be missing or null. Throws `tap.bad_body` for a body that is empty,
 * cut short or not such an object, and for records in a list that no table is known for: no event is passed over in silence.
 */
export function readTapBody(chunks: AsyncIterable<Uint8Array>): TapBody {
  const splitter = createTapSplitter();
  return {
    [Symbol.asyncIterator]: () => inBatches(chunks, splitter, ({ record }) => record.bytes.length),
    get queryEndTime() {
      return splitter.queryEndTime;
    },
  };
}

/** What the next byte belongs to. `nested` and `bare` are the inside of a key, of a key's value or of a record: `part` says which. */
type State =
  | 'start'
  | 'first-key'
  | 'key'
  | 'colon'
  | 'value'
  | 'after-value'
  | 'first-record'
  | 'record'
  | 'after-record'
  | 'done'
  | 'nested'
  | 'bare';

/** Punctuation and the state behind it. A byte that is not listed begins a value, or is wrong. */
const grammar: Readonly<Record<Exclude<State, 'nested' | 'bare'>, ReadonlyMap<number, State>>> = {
  start: new Map([[openObject, 'first-key']]),
  'first-key': new Map([[closeObject, 'done']]),
  key: new Map(),
  colon: new Map([[colon, 'value']]),
  value: new Map([[openArray, 'first-record']]),
  'after-value': new Map([
    [comma, 'key'],
    [closeObject, 'done'],
  ]),
  'first-record': new Map([[closeArray, 'after-value']]),
  record: new Map(),
  'after-record': new Map([
    [comma, 'record'],
    [closeArray, 'after-value'],
  ]),
  done: new Map(),
};

function createTapSplitter(): Splitter<TapRecord> & { readonly queryEndTime: string | undefined } {
  const collector = createCollector();
  const scanner = createValueScanner();
  const counts = new Map<TableName, number>();
  let state: State = 'start';
  let part: 'key' | 'value' | 'record' = 'key';
  let key = '';
  let anyKnown = false;
  let queryEndTime: string | undefined;
  let partOffset = 0;
  let chunkOffset = 0;
  let records: TapRecord[] = [];

  function begin(chunk: Uint8Array, at: number): void {
    const byte = chunk[at] ?? 0;
    const nested = byte === quote || byte === openObject || byte === openArray;
    if ((state === 'first-key' || state === 'key') && byte === quote) part = 'key';
    else if (state === 'value' && byte !== closeObject && byte !== comma) part = 'value';
    else if ((state === 'first-record' || state === 'record') && byte !== closeArray && byte !== comma) part = 'record';
    else throw badBody(`is malformed at byte ${chunkOffset + at}`);
    if (part === 'record' && !tables.has(key)) throw badBody(`has records in an unknown list ${shown(key)}`);
    partOffset = chunkOffset + at;
    state = nested ? 'nested' : 'bare';
    if (nested) scanner.begin(byte);
    collector.add(chunk.subarray(at, at + 1));
  }

  function finish(): void {
    const { bytes, ...rest } = collector.take();
    if (part === 'record') {
      const table = tables.get(key);
      if (table === undefined) return;
      const line = (counts.get(table) ?? 0) + 1;
      counts.set(table, line);
      records.push({ table, record: { bytes, offset: partOffset, line, ...rest } });
      state = 'after-record';
      return;
    }
    const text = new TextDecoder().decode(bytes);
    if (part === 'key') {
      // "messagesDelivered:" was seen in the wild: https://github.com/elastic/integrations/issues/9965
      key = parsedString(text).replace(/:$/, '');
      anyKnown ||= tables.has(key) || key === 'queryEndTime';
      state = 'colon';
      return;
    }
    if (tables.has(key) && text !== 'null') throw badBody(`has no list in ${key}`);
    if (key === 'queryEndTime' && text.startsWith('"')) queryEndTime = parsedString(text);
    state = 'after-value';
  }

  function parsedString(text: string): string {
    try {
      return String(JSON.parse(text));
    } catch {
      throw badBody(`is malformed at byte ${partOffset}`);
    }
  }

  function pass(chunk: Uint8Array, at: number): number {
    if (state === 'nested') {
      const to = scanner.advance(chunk, at);
      collector.add(chunk.subarray(at, to));
      if (scanner.stop === 'whole') finish();
      return to;
    }
    if (state === 'bare') {
      let to = at;
      while (to < chunk.length && !endsBareWord(chunk[to])) to += 1;
      collector.add(chunk.subarray(at, to));
      if (to < chunk.length) finish();
      return to;
    }
    const byte = chunk[at] ?? 0;
    const after = grammar[state].get(byte);
    if (after !== undefined) state = after;
    else if (!isSpace(byte) && !(state === 'start' && isByteOrderMark(byte, chunkOffset + at))) begin(chunk, at);
    return at + 1;
  }

  return {
    get queryEndTime() {
      return queryEndTime;
    },
    push(chunk) {
      records = [];
      for (let at = 0; at < chunk.length;) at = pass(chunk, at);
      chunkOffset += chunk.length;
      return records;
    },
    end() {
      if (state === 'start') throw badBody('is empty');
      if (state !== 'done') throw badBody(`is cut short after ${chunkOffset} bytes`);
      if (!anyKnown) throw badBody('holds neither queryEndTime nor any list of events');
      return [];
    },
  };
}

function endsBareWord(byte: number | undefined): boolean {
  return isSpace(byte) || byte === comma || byte === closeArray || byte === closeObject;
}

function badBody(what: string): IngestError {
  return new IngestError('tap.bad_body', `TAP: the answer ${what}`);
}

/** A key as it may stand in a message. */
function shown(key: string): string {
  return JSON.stringify(key.replace(/[^\x20-\x7e]/g, '?').slice(0, 64));
}
