import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tables } from '../../tables/registry.ts';
import { type Row, tableNames, type TableName } from '../../tables/table.ts';
import { cpuMs } from '../support/cpu.ts';
import { fixture, parse, rowOf } from './parsing.ts';

const textTables = tableNames.filter((name) => name.startsWith('proofpoint_gateway_'));
const jsonTables = tableNames.filter((name) => !textTables.includes(name));
type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

/** Every key and scalar of the table's fixtures, so that arbitrary records meet its fields. */
function wordsOf(table: TableName): { keys: string[]; scalars: Json[] } {
  const keys = new Set<string>();
  const scalars = new Set<Json>();
  const visit = (value: Json): void => {
    if (value === null || typeof value !== 'object') scalars.add(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else
      for (const [key, item] of Object.entries(value)) {
        keys.add(key);
        visit(item);
      }
  };
  for (const record of fixture(table)) visit(JSON.parse(record) as Json);
  return { keys: [...keys], scalars: [...scalars] };
}

/** Words that every object of JavaScript knows. */
const objectWords = ['constructor', 'toString', '__proto__'];

/** A record of the fixtures with some of its values, at any depth, replaced by, or joined by, arbitrary ones. */
function mutants(table: TableName): fc.Arbitrary<Json> {
  const { keys, scalars } = wordsOf(table);
  const key = fc.oneof(fc.constantFrom(...keys), fc.constantFrom(...objectWords, '', 'a.b', 'new'), fc.string());
  const scalar = fc.oneof(
    fc.constantFrom(...scalars),
    fc.constantFrom(...objectWords),
    fc.jsonValue({ maxDepth: 0 }) as fc.Arbitrary<Json>,
  );
  const value = fc.letrec<{ any: Json }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('any'), { maxLength: 3 }),
      fc.array(fc.tuple(key, tie('any')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries) as Json),
    ),
  })).any;
  const edit = fc.record({ at: fc.nat(), key, value });
  return fc
    .tuple(fc.constantFrom(...fixture(table)), fc.array(edit, { maxLength: 6 }))
    .map(([record, edits]) =>
      edits.reduce<Json>(
        (json, { at, key: name, value: item }) => edited(json, at, name, item),
        JSON.parse(record) as Json,
      ),
    );
}

function edited(json: Json, at: number, key: string, value: Json): Json {
  if (json === null || typeof json !== 'object') return value;
  if (Array.isArray(json))
    return json.map((item, index) => (index === at % json.length ? edited(item, at >> 1, key, value) : item));
  const keys = Object.keys(json);
  const chosen = keys[at % (keys.length + 1)];
  if (chosen === undefined) return { ...json, [key]: value };
  return { ...json, [chosen]: at % 3 === 0 ? value : edited(json[chosen] ?? null, at >> 2, key, value) };
}

/** Everything in columns and `extra`, as text. */
function textOf(row: Row): string {
  const { raw: _, extra, ...columns } = row;
  return `${JSON.stringify(columns)}\n${JSON.stringify([...(extra as Map<string, string>)])}`;
}

/** The record with a value of its own, text or number, in place of every scalar; `tokens` takes them up. */
function tokenized(value: Json, tokens: string[]): Json {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => tokenized(item, tokens));
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tokenized(item, tokens)]));
  const number = 700_000_000 + tokens.length;
  tokens.push(String(number));
  return typeof value === 'number' ? number : `<${number}>`;
}

/** `row` where the record becomes a row that its schema takes as it is, else the code of the reject. */
function verdictOn(table: TableName, record: string): string {
  const { row, reject } = parse(table, record);
  if (row === undefined) return reject.code;
  return isDeepStrictEqual(tables[table].row.parse(row), row) ? 'row' : 'row that its schema changes';
}

function isRecord(json: Json): boolean {
  return json !== null && typeof json === 'object' && !Array.isArray(json) && Object.keys(json).length > 0;
}

describe.each(jsonTables)('%s', (name) => {
  it('accepts every row that it makes of arbitrary JSON', () =>
    fc.assert(
      fc.property(fc.oneof(mutants(name), fc.jsonValue() as fc.Arbitrary<Json>), (record) => {
        expect(['row', 'not_an_object', 'invalid_record']).toContain(verdictOn(name, JSON.stringify(record)));
      }),
      { numRuns: 400 },
    ));

  it('never throws on arbitrary bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const { row, reject } = parse(name, bytes);
        expect(row === undefined).toBe(reject !== undefined);
      }),
    ));
});

describe.each([
  'proofpoint_tap_messages_blocked',
  'proofpoint_tap_clicks_permitted',
  'proofpoint_on_demand_message',
] as const)('%s', (name) => {
  it('loses no field of an arbitrary record', () =>
    fc.assert(
      fc.property(mutants(name), (record) => {
        fc.pre(isRecord(record));
        const tokens: string[] = [];
        const text = textOf(rowOf(name, tokenized(record, tokens) as object));
        expect(tokens.filter((token) => !text.includes(token))).toEqual([]);
      }),
      { numRuns: 400 },
    ));

  it('gives a record one identity, whatever the order of its keys', () =>
    fc.assert(
      fc.property(mutants(name), (record) => {
        fc.pre(isRecord(record));
        const reversed = Object.fromEntries(Object.entries(record as object).reverse());
        const { source_ref: _, raw: __, ...one } = rowOf(name, record as object);
        const { source_ref: ___, raw: ____, ...other } = rowOf(name, reversed);
        expect(other).toEqual(one);
      }),
      { numRuns: 200 },
    ));
});

describe.each(textTables)('%s', (name) => {
  const pieces = fixture(name).flatMap((line) => line.split(/(?<=[ ,=<>[\]])/));
  const words = objectWords.map((word) => `${word} `);
  const lines = fc.oneof(
    fc
      .array(fc.oneof(fc.constantFrom(...pieces), fc.constantFrom(...words), fc.string({ maxLength: 4 })), {
        maxLength: 40,
      })
      .map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );

  it('accepts every row that it makes of arbitrary lines', () =>
    fc.assert(
      fc.property(lines, (line) => {
        expect(['row', 'unknown_line']).toContain(verdictOn(name, line));
      }),
      { numRuns: 2000 },
    ));

  it('never throws on arbitrary bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const { row, reject } = parse(name, bytes);
        expect(row === undefined).toBe(reject !== undefined);
      }),
    ));

  it('keeps the value of every key=value', () =>
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z0-9.@]{1,8}$/), { minKeys: 1 }),
        (pairs) => {
          const separator = name === 'proofpoint_gateway_filter_logs' ? ' ' : ', ';
          const text = textOf(
            rowOf(
              name,
              Object.entries(pairs)
                .map(([key, value]) => `${key}=${value}`)
                .join(separator),
            ),
          );
          for (const value of Object.values(pairs))
            expect(text.includes(value) || text.includes(String(Number(value)))).toBe(true);
        },
      ),
    ));

  it.each([
    'a=1 ',
    'to=<a, ',
    ', stat',
    '<',
    '"',
    '[',
    'a="\\"',
    ' ',
    'Q12345: ',
    ',',
    'engine=a, x, ',
    'to=a, b=c, size=1, ',
  ])('reads a line of a megabyte of %j in time linear to its length', (piece) => {
    const bytes = Buffer.from(`to=${piece.repeat(1_000_000 / piece.length)}`);
    const start = cpuMs();
    parse(name, bytes);
    // some 50 ms when linear; the fastest quadratic scan of a megabyte takes 10 s
    expect(cpuMs() - start).toBeLessThan(2000);
  });
});
