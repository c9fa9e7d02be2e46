import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../hunt/query.ts';
import { quoted } from './quoted.ts';

const text = (words: string) => ({ kind: 'text', text: words, isQuoted: false });
const quote = (words: string) => ({ kind: 'text', text: words, isQuoted: true });
const field = (path: string, operator: string, value: string) => ({
  kind: 'field',
  path: path.split('.'),
  operator,
  value,
});

describe('parseQuery', () => {
  it('parts words by blanks, and fields from text', () => {
    expect(parseQuery('  sender_ip=192.0.2.*\tspam_score>=80 phish\n')).toEqual([
      field('sender_ip', '=', '192.0.2.*'),
      field('spam_score', '>=', '80'),
      text('phish'),
    ]);
    expect(parseQuery('')).toEqual([]);
  });

  it.each(['=', '!=', '>', '>=', '<', '<='])('knows the operator %s', (operator) => {
    expect(parseQuery(`a${operator}b`)).toEqual([field('a', operator, 'b')]);
    expect(parseQuery(`a${operator}""`)).toEqual([field('a', operator, '')]);
  });

  it('takes paths into lists of structs and into extra', () => {
    expect(parseQuery('parts.sha256=ab extra.riskTags[0].new-key=vip')).toEqual([
      field('parts.sha256', '=', 'ab'),
      field('extra.riskTags[0].new-key', '=', 'vip'),
    ]);
  });

  it('keeps quoted words together, in values too', () => {
    expect(parseQuery('"unpaid invoice" subject="Re: you  owe"now')).toEqual([
      quote('unpaid invoice'),
      field('subject', '=', 'Re: you  owenow'),
    ]);
    expect(parseQuery('subject=""')).toEqual([field('subject', '=', '')]);
  });

  it('takes a quoted word as text, whatever it looks like, and an address as well', () => {
    expect(parseQuery('"a=b" http://x.example/?q=1 192.0.2.1=x')).toEqual([
      quote('a=b'),
      text('http://x.example/?q=1'),
      text('192.0.2.1=x'),
    ]);
  });

  it.each([
    ['a AND b', '"AND" is no operator here: all terms must match'],
    ['NOT foo', 'quote the word to search for it'],
    ['a or b', '"or" is no operator here'],
    ['a || b', '"||" is no operator here'],
    ['sender_ip = 192.0.2.1', '"=" lacks its field: no blanks stand around operators'],
    ['sender_ip =192.0.2.1', '"=192.0.2.1" lacks its field'],
    ['sender_ip= 192.0.2.1', '"sender_ip=" lacks its value: no blanks stand around operators'],
    ['spam_score <80', '"<80" lacks its field'],
    ['spam_score !=80', '"!=80" lacks its field'],
  ])('refuses what other languages mean by %s', (query, message) => {
    expect(() => parseQuery(query)).toThrow(
      expect.objectContaining({ code: 'lake.query', message: expect.stringContaining(message) }),
    );
  });

  it('takes words like operators for text where they are quoted, or are more than that', () => {
    expect(parseQuery('"and" "=" "a=" Andrew <a@b.example> subject="or"')).toEqual([
      quote('and'),
      quote('='),
      quote('a='),
      text('Andrew'),
      text('<a@b.example>'),
      field('subject', '=', 'or'),
    ]);
  });

  it('refuses a quote that is never closed', () => {
    for (const query of ['"', 'a "b', 'subject="x', String.raw`"ends in \"`])
      expect(() => parseQuery(query)).toThrow(expect.objectContaining({ code: 'lake.query' }));
  });

  it('takes a backslash for itself, except before a quote', () => {
    expect(parseQuery(String.raw`C:\temp\x "\\server\share" a\"b "back\\" \\\"`)).toEqual([
      text(String.raw`C:\temp\x`),
      quote(String.raw`\\server\share`),
      text('a"b'),
      quote('back\\'),
      text(String.raw`\"`),
    ]);
  });

  it('gives any text back that is quoted, alone and as a value', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: fc.constantFrom('\\', '"', ' ', '=', 'a') }),
        (a, b) => {
          expect(parseQuery(`${quoted(a)} ${quoted(b)} subject=${quoted(b)}`)).toEqual([
            quote(a),
            quote(b),
            field('subject', '=', b),
          ]);
        },
      ),
    );
  });
});
