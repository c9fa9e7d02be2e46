import { BlockList, isIPv6 } from 'node:net';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inNetwork } from '../../hunt/network.ts';
import { quote } from '../../lake/sql.ts';
import { canonicalIp } from '../../tables/observable.ts';

const connection = await (await DuckDBInstance.create(':memory:')).connect();

/** Which of the texts are in the network. */
async function inside(network: string, texts: readonly string[]): Promise<string[]> {
  const sql = inNetwork('value', network);
  if (sql === undefined) throw new Error(`no network: ${network}`);
  const values = texts.map((text) => `(${quote(text)})`).join(', ');
  const result = await connection.runAndReadAll(`SELECT value FROM (VALUES ${values}) AS t (value) WHERE ${sql}`);
  return result.getRows().map(([value]) => String(value));
}

describe('inNetwork', () => {
  it('finds the addresses of a network, and nothing that only begins like one', async () => {
    const texts = ['192.0.2.0', '192.0.2.255', '192.0.3.1', '192.0.20.1', '192.0.2.1.example', '1192.0.2.1', '192.0.2'];
    expect(await inside('192.0.2.0/24', texts)).toEqual(['192.0.2.0', '192.0.2.255']);
    expect(await inside('192.0.2.77/23', texts)).toEqual(['192.0.2.0', '192.0.2.255', '192.0.3.1']);
    expect(await inside('192.0.2.255/32', texts)).toEqual(['192.0.2.255']);
    expect(await inside('0.0.0.0/0', ['2001:db8::1', ...texts])).toEqual(texts.slice(0, 4));
  });

  it('finds those of IPv6, however they are shortened', async () => {
    const texts = ['2001:db8::', '2001:db8::1', '2001:DB8:0:1::', '2001:db80::1', '::1', '::', 'a:b', '192.0.2.1'];
    expect(await inside('2001:db8::/32', texts)).toEqual(texts.slice(0, 3));
    expect(await inside('2001:db8::/64', texts)).toEqual(texts.slice(0, 2));
    expect(await inside('::/127', texts)).toEqual(['::1', '::']);
  });

  it('is no error where a text only looks like an address', async () => {
    const texts = [`${'1:'.repeat(19)}1`, `::${'1:'.repeat(18)}1`, ':', '::::', '12345::', 'x:1', ''];
    expect(await inside('2001:db8::/32', texts)).toEqual([]);
    expect(await inside('192.0.2.0/24', texts)).toEqual([]);
  });

  const byte = fc.nat({ max: 255 });
  const ipv4 = fc.tuple(byte, byte, byte, byte).map((parts) => parts.join('.'));
  // few different words, so that networks have members, and zeros stand in a row
  const word = fc.constantFrom('0', '0', '1', '8000', 'ffff', 'db8', 'a0');
  const ipv6 = fc
    .array(word, { minLength: 8, maxLength: 8 })
    .map((words) => canonicalIp(words.join(':')) ?? '')
    .filter(isIPv6);

  it.each([
    ['ipv4', ipv4, 32],
    ['ipv6', ipv6, 128],
  ] as const)('agrees with Node on any network of %s', async (family, addresses, bits) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(addresses, { minLength: 1, maxLength: 20 }),
        fc.nat({ max: bits }),
        async (texts, prefix) => {
          const [network = ''] = texts;
          const list = new BlockList();
          list.addSubnet(network, prefix, family);
          const expected = texts.filter((text) => list.check(text, family));
          expect(await inside(`${network}/${prefix}`, texts)).toEqual(expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/24/1',
    '192.0.2/24',
    '192.0.2.*/24',
    '2001:db8::/129',
    '::ffff:192.0.2.0/120',
    'evil.example/24',
    '/24',
  ])('takes %s for none', (text) => expect(inNetwork('value', text)).toBeUndefined());
});
