import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../hunt/query.ts';
import { quoted } from './quoted.ts';

const text = (words: string) => ({ kind: 'text', text: words });
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
    expect(parseQuery(`a${operator}`)).toEqual([field('a', operator, '')]);
  });

  it('takes paths into lists of structs and into extra', () => {
    expect(parseQuery('parts.sha256=ab extra.riskTags[0].new-key=vip')).toEqual([
      field('parts.sha256', '=', 'ab'),
      field('extra.riskTags[0].new-key', '=', 'vip'),
    ]);
  });

  it('keeps quoted words together, in values too', () => {
    expect(parseQuery('"unpaid invoice" subject="Re: you  owe"now')).toEqual([
      text('unpaid invoice'),
      field('subject', '=', 'Re: you  owenow'),
    ]);
    expect(parseQuery('subject=""')).toEqual([field('subject', '=', '')]);
  });

  it('takes a quoted word as text, whatever it looks like, and an address as well', () => {
    expect(parseQuery('"a=b" http://x.example/?q=1 192.0.2.1=x')).toEqual([
      text('a=b'),
      text('http://x.example/?q=1'),
      text('192.0.2.1=x'),
    ]);
  });

  it('refuses a quote that is never closed', () => {
    for (const query of ['"', 'a "b', 'subject="x', String.raw`"ends in \"`])
      expect(() => parseQuery(query)).toThrow(expect.objectContaining({ code: 'lake.query' }));
  });

  it('takes a backslash for itself, except before a quote', () => {
    expect(parseQuery(String.raw`C:\temp\x "\\server\share" a\"b "back\\" \\\"`)).toEqual([
      text(String.raw`C:\temp\x`),
      text(String.raw`\\server\share`),
      text('a"b'),
      text('back\\'),
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
            text(a),
            text(b),
            field('subject', '=', b),
          ]);
        },
      ),
    );
  });
});
