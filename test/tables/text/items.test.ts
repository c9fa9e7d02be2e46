import { describe, expect, it } from 'vitest';
import { commaItems } from '../../../tables/text/items.ts';

describe('commaItems', () => {
  it.each([
    ['a,b,', ['a', 'b']],
    ['a', ['a']],
    [',, a ,b', ['a', 'b']],
    ['', []],
    ['<"doe, john"@a.example>,<b@a.example>', ['<"doe, john"@a.example>', '<b@a.example>']],
    ['c,<"a,b"@x>', ['c', '<"a,b"@x>']],
    ['<a,b', ['<a', 'b']],
    ['<"a>,b"@x>,<c@x>', ['<"a>,b"@x>', '<c@x>']],
    ['<a, <b@x>', ['<a', '<b@x>']],
  ])('%j', (value, expected) => expect(commaItems(value)).toEqual(expected));
});
