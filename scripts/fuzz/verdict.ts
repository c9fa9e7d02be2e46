/** What must hold of any record, whatever its bytes: no exception, a row that its schema takes, the raw text kept, and no field lost. */
import { isUtf8 } from 'node:buffer';
import { withExactNumbers } from '../../tables/json/exact-numbers.ts';
import type { Origin, Row, Table } from '../../tables/table.ts';
import { parseHeader } from '../../tables/text/syslog-header.ts';
import { parseIsoMicros } from '../../tables/time.ts';

export type Verdict = 'row' | 'reject' | { readonly wrong: string };

const origin: Origin = {
  tenantId: 'acme',
  batchId: 'batch',
  uri: 's3://bucket/key',
  fallbackTime: 1_775_000_000_000_000,
  fallbackTimeSource: 'object',
  ingestedAt: 1_775_000_000_000_000,
};

export function verdictOn(table: Table, bytes: Buffer): Verdict {
  let result;
  try {
    result = table.parse({ bytes, offset: 0, line: 1 }, origin);
  } catch (error) {
    return { wrong: `threw ${String(error)}` };
  }
  const { row, reject } = result;
  const source = table.identity === 'content' ? parsedObject(bytes) : undefined;
  if (row === undefined)
    return source === undefined || Object.keys(source).length === 0
      ? 'reject'
      : { wrong: `rejected: ${reject.reason}` };
  const checked = table.row.safeParse(row);
  if (!checked.success) return { wrong: `the schema takes no ${checked.error.issues[0]?.path.join('.')}` };
  if (!keepsRaw(row, bytes)) return { wrong: 'raw is not the record' };
  const kept = keptIn(row);
  const lost = source === undefined ? lostWord(String(row['raw']), row, kept) : lostLeaf(source, kept);
  return lost === undefined ? 'row' : { wrong: `lost ${JSON.stringify(lost)}` };
}

function parsedObject(bytes: Buffer): object | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const text = bytes.toString();
    // a number such as 01e999 is no JSON, and a text is: what is no JSON is found before numbers become texts
    JSON.parse(text);
    const value: unknown = JSON.parse(withExactNumbers(text));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function keepsRaw(row: Row, bytes: Buffer): boolean {
  if (row['raw'] !== bytes.toString()) return false;
  if (isUtf8(bytes)) return true;
  const kept = (row['extra'] as Map<string, string>).get('raw_base64') ?? '';
  return kept.split('\n').some((text) => Buffer.from(text, 'base64').equals(bytes));
}

/** Everything that a row holds besides `raw` and the gathered observables. */
interface Kept {
  readonly text: string;
  /** `text` without the signs that parsers leave out. */
  readonly bareText: () => string;
  readonly numbers: ReadonlySet<number>;
}

function keptIn(row: Row): Kept {
  const texts: string[] = [];
  const numbers = new Set<number>();
  const visit = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'number') numbers.add(value);
    else if (typeof value === 'boolean') texts.push(String(value));
    else if (value instanceof Map) for (const [key, item] of value) texts.push(String(key), String(item));
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  for (const [name, value] of Object.entries(row)) if (name !== 'raw' && !name.startsWith('obs_')) visit(value);
  const text = texts.join('\n');
  let bared: string | undefined;
  return { text, bareText: () => (bared ??= bare(text)), numbers };
}

/** As deep as identity is told; what lies deeper is in `raw`. */
const depthMax = 60;

function lostLeaf(source: unknown, kept: Kept): unknown {
  const open: [unknown, number][] = [[source, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next;
    if (depth > depthMax) return undefined;
    if (typeof value === 'object' && value !== null) {
      for (const item of Object.values(value)) open.push([item, depth + 1]);
    } else if (typeof value === 'string' ? !keepsText(value, kept) : !keepsScalar(value, kept)) return value;
  }
  return undefined;
}

function keepsScalar(value: unknown, { text, numbers }: Kept): boolean {
  if (value === null) return true;
  return (typeof value === 'number' && numbers.has(value)) || text.includes(String(value));
}

/** Texts so short are in every row. */
const shortest = 3;

function keepsText(value: string, { text, bareText, numbers }: Kept): boolean {
  if (value.trim().length < shortest || value === 'NONE' || text.includes(value)) return true;
  if (value === 'True' || value === 'False') return text.includes(value.toLowerCase());
  const escaped = JSON.stringify(value).slice(1, -1);
  if (text.includes(escaped)) return true;
  const inner = value.slice(value.indexOf('<') + 1, value.lastIndexOf('>'));
  if (inner.includes('@') && text.includes(inner)) return true;
  // brackets of addresses and literals are left out, and the maillog service leaves out final dots
  if ([value, escaped].some((form) => bareText().includes(bare(form)))) return true;
  const numerals = [Number(value), parseIsoMicros(value), clockSeconds(value)];
  return numerals.some(
    (number) => Number.isFinite(number) && (numbers.has(Number(number)) || text.includes(String(number))),
  );
}

const bare = (text: string) => text.replaceAll(/[<>[\]. ]|IPv6:/g, '');

/** `[D+]HH:MM:SS` */
function clockSeconds(text: string): number | undefined {
  const found = /^(?:(\d+)\+)?(\d\d):(\d\d):(\d\d)$/.exec(text);
  if (found === null) return undefined;
  const [, days = '0', hours, minutes, seconds] = found;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** A word of the line's message that no column and nothing in `extra` holds. Keys that have a column are known by it. */
function lostWord(line: string, row: Row, kept: Kept): string | undefined {
  const { end } = parseHeader(line, origin);
  for (const piece of line.slice(end).split(/[\s,]+/)) {
    const value = piece.slice(piece.indexOf('=') + 1);
    if (clockSeconds(value) !== undefined || parseIsoMicros(value) !== undefined) {
      if (!keepsText(value, kept)) return value;
    } else
      for (const word of value.match(/[A-Za-z0-9@_-]{3,}/g) ?? []) if (!keepsWord(word, value, row, kept)) return word;
  }
  return undefined;
}

function keepsWord(word: string, value: string, row: Row, { text, numbers }: Kept): boolean {
  const numerals = [Number(word), Number(value.replaceAll('"', ''))];
  if (word === 'NONE' || text.includes(word) || numerals.some((number) => numbers.has(number))) return true;
  // a key right behind a quoted value
  if (Object.hasOwn(row, word)) return true;
  // the user and group ids behind the address of ctladdr
  return typeof row['ctladdr'] === 'string' && /^\(\d+\/\d+\)$/.test(value);
}
