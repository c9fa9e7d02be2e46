import { isIPv4 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalDomain,
  canonicalEmail,
  canonicalHash,
  canonicalIp,
  mailboxAddresses,
} from '../../tables/observable.ts';

describe('canonicalIp', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['[192.0.2.1]', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['123.456.789.012', null],
    ['1.2.3', null],
    ['1.2.3.4.5', null],
    ['1.2.3.', null],
    ['.1.2.3', null],
    ['01.2.3.4', null],
    ['1.2.3.4 ', null],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[IPv6:2001:db8::10]', '2001:db8::10'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.128', '192.0.2.128'],
    ['::', '::'],
    ['12:34:56', null],
    ['mx.harbor.example', null],
    ['', null],
  ])('%s is %s', (text, ip) => expect(canonicalIp(text)).toBe(ip));

  it('knows the same IPv4 addresses as Node', () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.array(fc.constantFrom('1', '0', '25', '256', '.', 'a'), { maxLength: 9 }).map((x) => x.join('')),
        ),
        (text) => {
          expect(canonicalIp(text) === text).toBe(isIPv4(text));
        },
      ),
    ));

  it('gives an IPv6 address one form', () =>
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const ip = canonicalIp(text.toUpperCase());
        expect(ip).not.toBeNull();
        expect(canonicalIp(ip ?? '')).toBe(ip);
        expect(canonicalIp(text)).toBe(ip);
      }),
    ));
});

describe('canonicalDomain', () => {
  it.each([
    ['MX.Harbor.example.', 'mx.harbor.example'],
    ['_dmarc.harbor.example', '_dmarc.harbor.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['localhost', null],
    ['localhost.', null],
    ['192.0.2.1', null],
    ['123.456.789.012', null],
    ['a..b', null],
    ['.example', null],
    ['two words.example', null],
    ['a@b.example', null],
    [`${'a.'.repeat(200)}example`, null],
    ['', null],
  ])('%s is %s', (text, domain) => expect(canonicalDomain(text)).toBe(domain));
});

describe('canonicalHash', () => {
  it.each([
    ['9E107D9D372BB6826BD81D3542A419D6', '9e107d9d372bb6826bd81d3542a419d6'],
    ['0'.repeat(40), '0'.repeat(40)],
    ['f'.repeat(64), 'f'.repeat(64)],
    ['g'.repeat(64), null],
    ['f'.repeat(63), null],
    ['0', null],
  ])('%s is %s', (text, hash) => expect(canonicalHash(text)).toBe(hash));
});

describe('canonicalEmail', () => {
  it.each([
    ['Lena.Park@Harbor.Example', 'lena.park@harbor.example'],
    ['bounces=4471@northwind.example', 'bounces=4471@northwind.example'],
    ['@northwind.example', null],
    ['lena.park@', null],
    ['lena park@harbor.example', null],
    ['', null],
  ])('%s is %s', (text, email) => expect(canonicalEmail(text)).toBe(email));
});

describe('mailboxAddresses', () => {
  it.each([
    ['"Park, Lena" <lena@harbor.example>, desk@harbor.example', ['lena@harbor.example', 'desk@harbor.example']],
    ['a@b.example; c@d.example', ['a@b.example', 'c@d.example']],
    ['undisclosed-recipients:;', []],
    ['', []],
  ])('of %s are %j', (text, addresses) => expect(mailboxAddresses(text)).toEqual(addresses));
});
