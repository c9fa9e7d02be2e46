import { describe, expect, it } from 'vitest';
import { withExactNumbers } from '../../../tables/json/exact-numbers.ts';

describe('withExactNumbers', () => {
  it.each([
    ['{"n":9007199254740993}', '{"n":"9007199254740993"}'],
    ['[-9007199254740993, 1,\n12345678901234567890]', '["-9007199254740993", 1,\n"12345678901234567890"]'],
    ['9007199254740992', '"9007199254740992"'],
    ['[1e21,-1E+999]', '["1e21","-1E+999"]'],
  ])('makes texts of the rounded numbers of %s', (json, expected) => expect(withExactNumbers(json)).toBe(expected));

  it.each([
    '{"a":9007199254740991,"b":-9007199254740991,"c":0.12345678901234567890,"d":15e-1,"e":1e3}',
    '{"12345678901234567890":"n \\" 12345678901234567890 \\\\","b":[true,null,{}]}',
  ])('leaves %s as it is', (json) => expect(withExactNumbers(json)).toBe(json));
});
