import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJsonSplitter } from '../../sources/json-records.ts';
import { cpuMs } from '../support/cpu.ts';
import { asText } from './streams.ts';

/** The records of `content`, which comes in chunks of `chunkBytes`. */
function split(content: string, chunkBytes = Number.POSITIVE_INFINITY) {
  const splitter = createJsonSplitter();
  const bytes = Buffer.from(content);
  const records = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    records.push(...splitter.push(bytes.subarray(from, from + chunkBytes)));
  }
  records.push(...splitter.end());
  for (const { bytes: record, offset } of records) {
    expect(asText(bytes.subarray(offset, offset + record.length))).toBe(asText(record));
  }
  return records;
}

const texts = (content: string): string[] => split(content).map(({ bytes }) => asText(bytes));
const lineNumbers = (content: string): number[] => split(content).map(({ line }) => line);

const object = fc
  .dictionary(fc.string({ maxLength: 6, unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1, maxKeys: 5 })
  .filter((value) => !('Records' in value));
const objects = fc.array(object, { minLength: 1, maxLength: 8 });
const chunkBytes = fc.integer({ min: 1, max: 40 });

const forms: Readonly<Record<string, (records: readonly unknown[]) => string>> = {
  'one a line': (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(''),
  'one a line, without the last newline': (records) => records.map((record) => JSON.stringify(record)).join('\r\n'),
  'one behind the other': (records) => records.map((record) => JSON.stringify(record)).join(''),
  'pretty-printed': (records) => records.map((record) => JSON.stringify(record, null, 2)).join('\n'),
  'an array': (records) => JSON.stringify(records),
  'a pretty-printed array': (records) => JSON.stringify(records, null, '\t'),
  'an array of lines': (records) => `[\n${records.map((record) => JSON.stringify(record)).join(',\n')}\n]\n`,
  Records: (records) => JSON.stringify({ Records: records }),
  'Records among other keys': (records) =>
    JSON.stringify(
      { version: 1, list: [[{ a: '"Records":[' }], '\\'], Records: records, next: { Records: 1 } },
      null,
      1,
    ),
  'a line of Records for each': (records) =>
    records.map((record) => `{"n":[],"Records" : [${JSON.stringify(record)}]}\n`).join(''),
};

describe('createJsonSplitter', () => {
  it.each(Object.keys(forms))('finds every record, wherever chunks end: %s', (form) => {
    fc.assert(
      fc.property(objects, chunkBytes, fc.boolean(), (records, size, marked) => {
        const content = (marked ? '\u{feff}' : '') + (forms[form]?.(records) ?? '');
        const found = split(content, size);
        expect(found.map(({ bytes }) => JSON.parse(asText(bytes)))).toEqual(JSON.parse(JSON.stringify(records)));
        expect(found.map(({ line }) => line)).toEqual(records.map((_, index) => index + 1));
      }),
    );
  });

  it('makes one bad record of one bad line, whatever it is cut to', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(object, fc.option(fc.nat())), { minLength: 1, maxLength: 8 }),
        chunkBytes,
        (input, size) => {
          const expected = input.map(([record, cut]) => {
            const line = JSON.stringify(record);
            if (cut === null) return line;
            return asText(Buffer.from(line.slice(0, 1 + (cut % (line.length - 1)))));
          });
          const found = split(`${expected.join('\n')}\n`, size);
          expect(found.map(({ bytes }) => asText(bytes).trimEnd())).toEqual(expected.map((line) => line.trimEnd()));
          expect(found.map(({ line }) => line)).toEqual(expected.map((_, index) => index + 1));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('numbers lines where lines are records, and records elsewhere', () => {
    expect(lineNumbers('\n{"a":1}\n\n  \n{"b":2}\n')).toEqual([2, 5]);
    expect(lineNumbers('\n\n[\n{"a":1},\n\n{"b":2}]')).toEqual([1, 2]);
    expect(lineNumbers('\n\n{"a":1}{"b":2}\n')).toEqual([1, 2]);
    expect(lineNumbers('# comment\n{"a":1\n{"b":2}\n{"c":3}\n')).toEqual([1, 2, 3, 4]);
  });

  it('keeps what is no JSON as records', () => {
    expect(texts('{"a":1}\nnot json\n[1,2]\nnull\n')).toEqual(['{"a":1}', 'not json', '[1,2]', 'null']);
    expect(texts('header line\n{"a":1}\n')).toEqual(['header line', '{"a":1}']);
    expect(texts('[1, "a,]b", null, {"a":1}]')).toEqual(['1', '"a,]b"', 'null', '{"a":1}']);
    expect(texts('{"a":1}}\n{"b":2}\n')).toEqual(['{"a":1}', '}', '{"b":2}']);
    expect(texts('{"a":[1}\n{"b":2}\n')).toEqual(['{"a":[1}', '{"b":2}']);
  });

  it('goes on behind a pretty-printed value that was cut', () => {
    const whole = JSON.stringify({ a: 'x', b: [1, { c: 2 }] }, null, 2);
    const cut = whole.slice(0, -8).trimEnd();
    expect(texts([whole, cut, whole, cut, whole].join('\n'))).toEqual([whole, cut, whole, cut, whole]);
    expect(texts([cut, whole].join('\n'))).toEqual([cut, whole]);
  });

  it('does not take a nested line that begins with a brace for a new value', () => {
    const value = '{"list":[\n{"a":1},\n{"b":\n{"c":2}}\n]}';
    expect(texts(`${value}\n${value}\n`)).toEqual([value, value]);
  });

  it.each([
    ['{"a":1}\n{"b":', ['{"a":1}', '{"b":']],
    ['{"a":1}{"b":"x\\', ['{"a":1}', '{"b":"x\\']],
    ['{"a', ['{"a']],
    ['[{"a":1},{"b":', ['{"a":1}', '{"b":']],
    ['[{"a":1},"b', ['{"a":1}', '"b']],
    ['{"Records":[{"a":1},{"b":2', ['{"a":1}', '{"b":2']],
  ])('makes a record of a tail that is cut off: %s', (content, expected) => {
    expect(texts(content)).toEqual(expected);
  });

  it.each(['[{"a":1}', '[{"a":1},', '{"Records":[{"a":1}', '{"Records":[{"a":1}],"next":"'])(
    'does not pass over an end that is missing between records: %s',
    (content) => {
      expect(texts(content)).toEqual(['{"a":1}', '']);
    },
  );

  it.each(['', ' \r\n\t', '\u{feff}', '[]', ' [ ] \n', '{"Records":[]}'])('finds nothing in nothing: %j', (content) => {
    expect(split(content)).toEqual([]);
  });

  it('does not copy a record that lies in one chunk', () => {
    const chunk = Buffer.from('[{"a":1},{"b":2}]');
    const [first] = createJsonSplitter().push(chunk);
    expect(first?.bytes.buffer).toBe(chunk.buffer);
  });

  it('cuts a record that is too long to its beginning, and goes on behind it', () => {
    const splitter = createJsonSplitter();
    const filler = Buffer.alloc(1 << 20, 'x');
    const records = [...splitter.push(Buffer.from('[{"a":1},{"long":"'))];
    for (let count = 0; count < 65; count += 1) records.push(...splitter.push(filler));
    records.push(...splitter.push(Buffer.from('"},{"b":2}]')), ...splitter.end());
    expect(records.map(({ bytes, line, oversized }) => [line, bytes.length, oversized])).toEqual([
      [1, 7, undefined],
      [2, 1 << 20, true],
      [3, 7, undefined],
    ]);
  });

  it.each([
    ['brackets', '', '[', 4 << 20],
    ['braces on lines', '', '{\n', 400_000],
    ['backslashes', '{"a":"', '\\', 4 << 20],
    ['escaped quotes', '{"a":"', '\\"', 2 << 20],
    ['lists of the first object', '{', '"a":[],', 400_000],
    ['lines of the first object', '{"a":[\n', '{"b":1},\n', 400_000],
    ['newlines in a value without end', '{', '"a":1,\n', 400_000],
  ])('takes time in proportion to the content: %s', (_, head, repeated, count) => {
    const content = Buffer.from(head + repeated.repeat(count));
    const startMs = cpuMs();
    const splitter = createJsonSplitter();
    for (let from = 0; from < content.length; from += 65_536) splitter.push(content.subarray(from, from + 65_536));
    splitter.end();
    expect(cpuMs() - startMs).toBeLessThan(8000);
  });
});
