import { isIPv4 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalDomain, canonicalEmail, canonicalHash, canonicalHost, canonicalIp } from '../../tables/observable.ts';

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
    ['0x7f.0x1', null],
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
    ['A@BÜCHER.example', 'a@xn--bcher-kva.example'],
    ['A@Harbor.Example.', 'a@harbor.example'],
    ['İ@Harbor.Example.', 'i̇@harbor.example'],
    ['a@\u00ADharbor.example', 'a@harbor.example'],
    ['root@Localhost', 'root@localhost'],
    ['a@[192.0.2.1]', 'a@[192.0.2.1]'],
    ['@northwind.example', null],
    ['lena.park@', null],
    ['lena park@harbor.example', null],
    ['', null],
  ])('%s is %s', (text, email) => expect(canonicalEmail(text)).toBe(email));
});

describe('canonicalHost', () => {
  it.each([
    ['http://MX.Harbor.example./x', 'mx.harbor.example'],
    ['http://bücher.example/x', 'xn--bcher-kva.example'],
    ['http://ev%69l.example/', 'evil.example'],
    ['http://例え。example/x', 'xn--r8jz45g.example'],
    ['http://ev\nil.example/', 'evil.example'],
    ['http://3221225985/x', '192.0.2.1'],
    ['http://0xC0.0.0x201/x', '192.0.2.1'],
    ['http://0300.0.2.01/x', '192.0.2.1'],
    ['http://0xC0.0.2.0x1/x', '192.0.2.1'],
    ['http://192.0.2.1./x', '192.0.2.1'],
    ['http://[2001:DB8::0:1]:80/x', '2001:db8::1'],
    ['http://[::ffff:192.0.2.1]/', '192.0.2.1'],
    ['http://intranet/x', null],
    ['http://a b.example/', null],
    ['http://%2F.example/', null],
    ['1.2/3', null],
    // browsers ignore a soft hyphen; so many are not worth the time
    [`http://evil${'\u00AD'.repeat(900)}.example/`, 'evil.example'],
    [`http://evil${'\u00AD'.repeat(1100)}.example/`, null],
  ])('of %s is %s', (url, host) => expect(canonicalHost(url)).toBe(host));
});
