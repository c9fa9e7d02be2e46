/** Reads the expectation files: their notation is told in expectations/README.md. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { envelope } from '../../tables/envelope.ts';
import type { Row } from '../../tables/table.ts';

const directory = fileURLToPath(new URL('expectations/', import.meta.url));

export interface Expectation {
  readonly file: string;
  /** The array within a TAP body, or the table. */
  readonly kind: string;
  readonly index: number;
  readonly isPartial: boolean;
  readonly columns: ReadonlyMap<string, string>;
}

interface Block {
  readonly columns: Map<string, string>;
  isPartial: boolean;
}

export function expectationsOf(name: string): Expectation[] {
  const sets = new Map<string, Block>();
  const found: Expectation[] = [];
  let block: Block = { columns: new Map(), isPartial: false };
  for (const line of readFileSync(`${directory}${name}`, 'utf8').split('\n')) {
    const blank = line.indexOf(' ');
    const word = blank < 0 ? line : line.slice(0, blank);
    const rest = line.slice(word.length + 1);
    if (line === '' || word === '#') continue;
    if (word === '@' || word === '>') block = { columns: new Map(), isPartial: false };
    if (word === '@') sets.set(rest, block);
    else if (word === '>') {
      const [file = '', kind = '', index = '0'] = rest.split(' ');
      const { columns } = block;
      const current = block;
      found.push({
        file,
        kind,
        index: Number(index),
        columns,
        get isPartial() {
          return current.isPartial;
        },
      });
    } else if (word === '+') {
      const set = sets.get(rest);
      if (set === undefined) throw new Error(`${name}: no set ${rest}`);
      for (const [column, value] of set.columns) block.columns.set(column, value);
      block.isPartial ||= set.isPartial;
    } else if (word === '*') block.isPartial = true;
    else if (word === '-') block.columns.delete(rest);
    else block.columns.set(word, rest);
  }
  return found;
}

/** What a row holds, by the names that expectations use: of the envelope only `event_time`, `disposition` and `extra`. */
export function told(row: Row): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const visit = (name: string, value: unknown): void => {
    if (value === null) return;
    if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
      for (const [index, item] of value.entries()) visit(`${name}[${index}]`, item);
    } else if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [field, item] of Object.entries(value)) visit(`${name}.${field}`, item);
    } else values.set(name, value);
  };
  for (const [name, value] of Object.entries(row)) {
    if (name === 'extra') for (const [key, item] of value as Map<string, string>) values.set(`extra.${key}`, item);
    else if (!(name in envelope) || name === 'event_time' || name === 'disposition') visit(name, value);
  }
  return values;
}

/** The value in the words of the expectation where it is as expected, else in its own. */
export function inWordsOf(expected: string | undefined, value: unknown): unknown {
  return expected !== undefined && isAs(expected, value) ? expected : value;
}

function isAs(expected: string, value: unknown): boolean {
  if (Array.isArray(value)) {
    const items = expected.slice(1, -1).split(' | ');
    const wanted = expected === '[]' ? [] : items;
    return (
      expected.startsWith('[') &&
      wanted.length === value.length &&
      wanted.every((item, index) => isAs(item, value[index]))
    );
  }
  if (typeof value === 'number')
    return expected.includes('T') ? microsOf(expected) === value : Number(expected) === value;
  if (typeof value === 'boolean') return expected === String(value);
  return typeof value === 'string' && fits(expected.split('…'), value);
}

/** ISO time with up to six fractional digits; Date knows three. */
function microsOf(iso: string): number {
  const [whole = '', fraction = ''] = iso.slice(0, -1).split('.');
  return Date.parse(`${whole}Z`) * 1000 + Number(fraction.padEnd(6, '0'));
}

function fits(pieces: readonly string[], value: string): boolean {
  const [first = '', ...others] = pieces;
  if (others.length === 0) return value === first;
  if (!value.startsWith(first)) return false;
  let at = first.length;
  for (const piece of others.slice(0, -1)) {
    const found = value.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const last = others.at(-1) ?? '';
  return value.length - last.length >= at && value.endsWith(last);
}
