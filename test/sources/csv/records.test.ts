import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCsvSplitter } from '../../../sources/csv/records.ts';
import { cpuMs } from '../../support/cpu.ts';
import { asText } from '../streams.ts';

function split(
  content: string | Uint8Array,
  { chunkBytes = Number.POSITIVE_INFINITY, columns = [{}] as Record<string, string>[] } = {},
) {
  const splitter = createCsvSplitter({ columns });
  const bytes = Buffer.from(content);
  const records = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    records.push(...splitter.push(bytes.subarray(from, from + chunkBytes)));
  }
  return [...records, ...splitter.end()];
}

const values = (content: string, columns?: Record<string, string>[]): unknown[] =>
  split(content, columns === undefined ? {} : { columns }).map(({ bytes, reject }) => {
    expect(reject).toBeUndefined();
    return JSON.parse(asText(bytes));
  });

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

describe('createCsvSplitter', () => {
  it('gives every cell back, wherever chunks end and however lines do', () => {
    const cell = fc.string({ maxLength: 6, unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', '😀', '1') });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, fc.constant('last')), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        (rows, chunkBytes, lineEnd, marked, ended) => {
          const lines = ['x,y,z', ...rows.map((cells) => cells.map(quoted).join(','))];
          const content = Buffer.from((marked ? '\u{feff}' : '') + lines.join(lineEnd) + (ended ? lineEnd : ''));
          const records = split(content, { chunkBytes });
          expect(records.map(({ bytes }) => JSON.parse(asText(bytes)))).toEqual(
            rows.map(([x, y, z]) => ({ ...(x === '' ? {} : { x }), ...(y === '' ? {} : { y }), z })),
          );
          for (const [index, { offset, line }] of records.entries()) {
            const before = content.subarray(0, offset).toString();
            expect(
              content
                .subarray(offset)
                .toString()
                .startsWith(rows[index]?.map(quoted).join(',') ?? ''),
            ).toBe(true);
            expect(before.split('\n').length).toBe(line);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('puts cells where their names say', () => {
    const header = 'guid,connection.ip,msgParts[0].sha256,msgParts[1].sha256,connection["odd.key"],msgParts[0].name';
    expect(values(`${header}\ng,1.2.3.4,aa,bb,o,n\ng,,,bb,,\n`)).toEqual([
      {
        guid: 'g',
        connection: { ip: '1.2.3.4', 'odd.key': 'o' },
        msgParts: [{ sha256: 'aa', name: 'n' }, { sha256: 'bb' }],
      },
      { guid: 'g', msgParts: [null, { sha256: 'bb' }] },
    ]);
  });

  it('keeps JSON arrays and objects digit by digit, and everything else as text', () => {
    const [record] = split('a,b,c,d,e\n"[1,{""n"":12345678901234567890}]","{""x"":1}",17,true,"{no json"\n');
    expect(asText(record?.bytes ?? Buffer.alloc(0))).toBe(
      '{"a":[1,{"n":12345678901234567890}],"b":{"x":1},"c":"17","d":"true","e":"{no json"}',
    );
  });

  it('takes the names of our columns, those of the table that knows most of them', () => {
    const message = { qid: 'filter.qid', conn_ip: 'connection.ip', ts: 'ts' };
    const maillog = { qid: 'sm.qid', sm_to: 'sm.to', ts: 'ts' };
    expect(values('qid,ts,conn_ip\n1,2,3\n', [message, maillog])).toEqual([
      { filter: { qid: '1' }, ts: '2', connection: { ip: '3' } },
    ]);
    expect(values('qid,sm_to,constructor\n1,2,3\n', [message, maillog])).toEqual([
      { sm: { qid: '1', to: '2' }, constructor: '3' },
    ]);
  });

  it('loses no cell where names collide, are missing or are no paths', () => {
    expect(values('a,a.b,a,a[0],,b[0],b.c,c[999],__proto__.x\n1,2,3,4,5,6,7,8,9\n')).toEqual([
      JSON.parse(
        '{"a":"1","a.b":"2","a (column 3)":"3","a[0]":"4"," (column 5)":"5","b":["6"],"b.c":"7","c[999]":"8","__proto__":{"x":"9"}}',
      ),
    ]);
  });

  it('keeps rows that make no record, byte for byte', () => {
    const bad = [
      [Buffer.from('1,2,3'), 'invalid_csv'],
      [Buffer.from('1'), 'invalid_csv'],
      [Buffer.from('{"a":1}'), 'invalid_csv'],
      [Buffer.from([0x31, 0x2c, 0xff, 0x80]), 'invalid_csv'],
      [Buffer.from('"x" y,2'), 'invalid_csv'],
      [Buffer.from(',""'), 'invalid_record'],
    ] as const;
    const content = Buffer.concat([
      Buffer.from('a,b\r\n'),
      ...bad.flatMap(([row]) => [row, Buffer.from('\r\n')]),
      Buffer.from('\r\n  \r\nx,"y\nz"\r\n1,2'),
    ]);
    for (const chunkBytes of [1, 3, 1000]) {
      const records = split(content, { chunkBytes });
      expect(records.map(({ reject }) => reject?.code)).toEqual([...bad.map(([, code]) => code), undefined, undefined]);
      for (const [index, [row]] of bad.entries()) expect(Buffer.from(records[index]?.bytes ?? [])).toEqual(row);
      for (const { bytes, offset } of records.slice(0, -2)) {
        expect(content.subarray(offset, offset + bytes.length)).toEqual(Buffer.from(bytes));
      }
      expect(records.slice(-2).map(({ bytes, line }) => [JSON.parse(asText(bytes)), line])).toEqual([
        [{ a: 'x', b: 'y\nz' }, 10],
        [{ a: '1', b: '2' }, 12],
      ]);
    }
  });

  it('makes one bad row of a quote that is never closed', () => {
    const records = split('a,b\n1,2\n3,"4\n5,6\n7,8\n');
    expect(records.map(({ bytes, line, reject }) => [asText(bytes), line, reject?.code])).toEqual([
      ['{"a":"1","b":"2"}', 2, undefined],
      ['3,"4', 3, 'invalid_csv'],
      ['{"a":"5","b":"6"}', 4, undefined],
      ['{"a":"7","b":"8"}', 5, undefined],
    ]);
  });

  it('cuts a row that is too long to its beginning, even where its quote is never closed', () => {
    const splitter = createCsvSplitter({ columns: [] });
    const records = [...splitter.push(Buffer.from('a,b\n1,"'))];
    const filler = Buffer.alloc(1 << 20, 'x');
    for (let count = 0; count < 65; count += 1) records.push(...splitter.push(filler));
    records.push(...splitter.push(Buffer.from('\n1,2\n')), ...splitter.end());
    expect(records.map(({ bytes, line, oversized }) => [bytes.length, line, oversized])).toEqual([
      [1 << 20, 2, true],
      ['{"a":"1","b":"2"}'.length, 3, undefined],
    ]);
  });

  it.each([
    ['quotes', '"'],
    ['open cells', 'b","'],
    ['commas', ','],
    ['newlines in a cell', '"\n'],
    ['quoted cells of one row', '"",'],
    ['rows', '1,2\n'],
  ])('takes time in proportion to the content: %s', (_, repeated) => {
    const content = Buffer.from(`a,b\n"${repeated.repeat((2 << 20) / repeated.length)}`);
    const startMs = cpuMs();
    split(content, { chunkBytes: 65_536 });
    expect(cpuMs() - startMs).toBeLessThan(8000);
  });
});
