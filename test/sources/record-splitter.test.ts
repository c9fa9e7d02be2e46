import { describe, expect, it } from 'vitest';
import { createRecordSplitter } from '../../sources/record-splitter.ts';
import { asText } from './streams.ts';

function split(content: string, chunkBytes: number): string[] {
  const splitter = createRecordSplitter({ columns: [] });
  const bytes = Buffer.from(content);
  const records = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    records.push(...splitter.push(bytes.subarray(from, from + chunkBytes)));
  }
  records.push(...splitter.end());
  return records.map(({ bytes: record }) => asText(record));
}

const record = '{"a":"1","b":"2"}';

describe('createRecordSplitter', () => {
  it.each([
    ['a line a record', '{"a":"1","b":"2"}\n{"a":"1","b":"2"}\n'],
    ['an array', '[{"a":"1","b":"2"},\n{"a":"1","b":"2"}]'],
    ['Records', '{"Records":[{"a":"1","b":"2"},{"a":"1","b":"2"}]}'],
    ['values one behind the other', '{"a":"1","b":"2"}{"a":"1","b":"2"}'],
    ['CSV', 'a,b\n1,2\n1,2\n'],
    ['CSV with quotes and blanks', ' \n\r\n"a","b"\r\n"1","2"\r\n1,2'],
  ])('finds the same records in %s', (_, content) => {
    for (const marked of ['', '\u{feff}']) {
      for (const chunkBytes of [1, 2, 7, 1000]) {
        expect(split(marked + content, chunkBytes)).toEqual([record, record]);
      }
    }
  });

  it.each(['', '\u{feff}', '\n \n', 'a,b', 'a,b\r\n'])('finds nothing in %j', (content) => {
    expect(split(content, 1)).toEqual([]);
  });

  it.each([
    ['a word', 'word\n{"a":1}\n', ['word', '{"a":1}']],
    ['a comment', '# of a, and b\n{"a":1}\n', ['# of a, and b', '{"a":1}']],
    ['data', '2026-01-31,7\n{"a":1}\n', ['2026-01-31,7', '{"a":1}']],
    ['quotes that never close', '"a,b\n', ['"a,b']],
  ])('takes no line for a header that is %s', (_, content, expected) => {
    for (const chunkBytes of [1, 1000]) expect(split(content, chunkBytes)).toEqual(expected);
  });

  it('does not wait for the end of a first line that is longer than headers are', () => {
    const splitter = createRecordSplitter({ columns: [] });
    splitter.push(Buffer.alloc(65 << 10, 'a'));
    splitter.push(Buffer.from(',b\n{"a":1}\n'));
    expect(splitter.end()).toHaveLength(0);
  });
});
