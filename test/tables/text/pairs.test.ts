import { describe, expect, it } from 'vitest';
import { scanPairs } from '../../../tables/text/pairs.ts';

function scan(line: string) {
  const { tag, keys, values, words } = scanPairs(line, 0);
  return { tag, words, pairs: keys.map((key, index) => [key, values[index]]) };
}
const pairs = (line: string) => scan(line).pairs;

describe('scanPairs', () => {
  it('reads level, pairs and empty values', () =>
    expect(scan('rprt s=3ebnb6gs7y mod=session module= rule= action=')).toEqual({
      tag: 'rprt',
      words: [],
      pairs: [
        ['s', '3ebnb6gs7y'],
        ['mod', 'session'],
        ['module', ''],
        ['rule', ''],
        ['action', ''],
      ],
    }));

  it('does not take the next key for an empty value', () =>
    expect(pairs('routes= notroutes=a,b')).toEqual([
      ['routes', ''],
      ['notroutes', 'a,b'],
    ]));

  it('keeps the comma at the end of a list apart from the next key', () =>
    expect(pairs('routes=allow_relay,firewallsafe, duration=0.085')).toEqual([
      ['routes', 'allow_relay,firewallsafe,'],
      ['duration', '0.085'],
    ]));

  it.each([
    ['subject="a b = c, d"', 'a b = c, d'],
    ['subject="say \\"hi\\""', 'say "hi"'],
    ['subject="back\\\\slash\\n"', 'back\\slash\\n'],
    ['subject=""', ''],
    ['subject="cut off mod=x', 'cut off mod=x'],
    ['subject="cut off\\', 'cut off\\'],
    ['reply="\\"250 rscore=0.1\\""', '"250 rscore=0.1"'],
  ])('reads the quoted value of %s', (line, expected) => expect(pairs(line)).toEqual([[line.split('=')[0], expected]]));

  it.each([
    ['value="john doe"@a.example', '"john doe"@a.example'],
    ['value=<"x action=discard y"@a.example>', '<"x action=discard y"@a.example>'],
    ['value=<"a b"@c.example>,<d@e.example>', '<"a b"@c.example>,<d@e.example>'],
    ['value="say \\"hi\\" now"@a.example', '"say \\"hi\\" now"@a.example'],
    ['value="a"b"c d"', '"a"b"c'],
  ])('keeps the quotes where the value goes on after them: %s', (line, expected) =>
    expect(pairs(`${line} qid=1`)).toEqual([
      ['value', expected],
      ['qid', '1'],
    ]),
  );

  it('goes on after a quoted value', () =>
    expect(scan('file="a b.pdf" mime=x "y"z')).toEqual({
      tag: null,
      words: ['"y"z'],
      pairs: [
        ['file', 'a b.pdf'],
        ['mime', 'x'],
      ],
    }));

  it('reads repeated and dotted keys, digits in keys, and keys before mod=', () =>
    expect(pairs('size=1 kscore.is_bulkscore=5 header.from=a.example mod=spf cmd=run p2=x cmd=run')).toEqual([
      ['size', '1'],
      ['kscore.is_bulkscore', '5'],
      ['header.from', 'a.example'],
      ['mod', 'spf'],
      ['cmd', 'run'],
      ['p2', 'x'],
      ['cmd', 'run'],
    ]));

  it('keeps = and , within a value', () =>
    expect(pairs('value=bounces=280047@a.example definitions=a,b=c')).toEqual([
      ['value', 'bounces=280047@a.example'],
      ['definitions', 'a,b=c'],
    ]));

  it('goes on with a value over a blank after its comma', () =>
    expect(scan('engine=2.50:6.0, 18.0.687, x rule=r y').pairs).toEqual([
      ['engine', '2.50:6.0, 18.0.687, x'],
      ['rule', 'r'],
    ]));

  it('keeps words that are no pair', () =>
    expect(scan('warn mod=dkimv unexpected response type=x GET /a?b=c: 404')).toEqual({
      tag: 'warn',
      words: ['unexpected', 'response', 'GET', '/a?b=c:', '404'],
      pairs: [
        ['mod', 'dkimv'],
        ['type', 'x'],
      ],
    }));
});
