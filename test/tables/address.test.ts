import { describe, expect, it } from 'vitest';
import { addressesIn, addressIn, domainOf, hostOf, schemeOf, unbracket, unliteral } from '../../tables/address.ts';
import { cpuMs } from '../support/cpu.ts';

describe('address', () => {
  it.each([
    ['<a@b>', 'a@b'],
    ['a@b', 'a@b'],
    ['<>', ''],
    ['<a', '<a'],
    ['\r\n <a@b> ', 'a@b'],
    [' a', ' a'],
  ])('unbracket: %s', (text, expected) => expect(unbracket(text)).toBe(expected));

  it.each([
    ['[192.0.2.1]', '192.0.2.1'],
    ['[IPv6:2001:db8::1]', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
    [' [2001:db8::1]', '2001:db8::1'],
  ])('unliteral: %s', (text, expected) => expect(unliteral(text)).toBe(expected));

  it.each([
    ['"A. Name" <a@b.example>', 'a@b.example'],
    ['a@b.example', 'a@b.example'],
    ['"x <y@z>" <a@b.example>', 'a@b.example'],
    ['A <a@b.example>, C <c@d.example>', 'a@b.example'],
    ['Undisclosed recipients', null],
    ['> <a@b', 'a@b'],
    ['@', null],
    [null, null],
  ])('addressIn: %s', (mailbox, expected) => expect(addressIn(mailbox)).toBe(expected));

  it.each([
    ['"Park, Lena" <lena@harbor.example>, desk@harbor.example', ['lena@harbor.example', 'desk@harbor.example']],
    [String.raw`"a \" b, c" <a@b.example>, <c@d.example>`, ['a@b.example', 'c@d.example']],
    ['"never closed, <a@b.example>, <c@d.example>', ['a@b.example', 'c@d.example']],
    ['a@b.example (Park, Lena <l@m.example>), c@d.example', ['a@b.example', 'c@d.example']],
    [String.raw`a@b.example (one (two) \) x@y.example), (never c@d.example`, ['a@b.example', 'c@d.example']],
    ['Team: a@b.example, c@d.example;', ['a@b.example', 'c@d.example']],
    ['Team:a@b.example;e@f.example', ['a@b.example', 'e@f.example']],
    ['a@b.example; c@d.example', ['a@b.example', 'c@d.example']],
    ['a@b.example\r\n\tc@d.example', ['a@b.example', 'c@d.example']],
    ['0f343b09@b.example>, <Lena.Park', ['0f343b09@b.example']],
    ['x@y.example <a@b.example> <c@d.example>', ['a@b.example', 'c@d.example']],
    ['<a@b.example', ['a@b.example']],
    ['"x@y.example"', []],
    ['"a@b"@c.example', ['"a@b"@c.example']],
    ['<a@[IPv6:2001:db8::1]>', ['a@[IPv6:2001:db8::1]']],
    ['undisclosed-recipients:;', []],
    ['@ a@ @b <>', []],
    ['', []],
  ])('addressesIn: %s', (text, addresses) => expect(addressesIn(text)).toEqual(addresses));

  it.each(['"', '(', '<', '"\\', '(a@b', 'a@b ', 'a@b,', '(")', ':', '@', '<a@b>'])(
    'addressesIn reads a megabyte of %j in time linear to its length',
    (piece) => {
      const text = piece.repeat(1_000_000 / piece.length);
      const start = cpuMs();
      addressesIn(text);
      // some 50 ms when linear; a quadratic scan takes minutes
      expect(cpuMs() - start).toBeLessThan(2000);
    },
  );

  it.each([
    ['9facbf45@Bad.Example', 'bad.example'],
    ['"a@b"@c.example', 'c.example'],
    ['A@B.Example.', 'b.example'],
    ['nobody', null],
    ['a@', null],
    [null, null],
  ])('domainOf: %s', (address, expected) => expect(domainOf(address)).toBe(expected));

  it.each([
    ['http://Bad.Example:8080/path?q=http://good.example', 'bad.example'],
    ['https://good.example@bad.example/login', 'bad.example'],
    ['https://bad.example\\@good.example/', 'bad.example'],
    ['http://[2001:db8::1]:80/', '2001:db8::1'],
    ['bad.example/path', 'bad.example'],
    ['bad.example/r?u=http://good.example', 'bad.example'],
    ['bad.example?u=http://good.example', 'bad.example'],
    ['bad.example#http://good.example', 'bad.example'],
    ['user@bad.example/http://good.example', 'bad.example'],
    ['bad.example/#user@good.example', 'bad.example'],
    ['bad.example:8080', 'bad.example'],
    ['bad.example:8080/x', 'bad.example'],
    ['http://bad.example?x#y', 'bad.example'],
    ['HTTP:/bad.example/x', 'bad.example'],
    ['https:bad.example/x', 'bad.example'],
    ['http:192.0.2.1/x', '192.0.2.1'],
    ['ftp:\\\\bad.example\\x', 'bad.example'],
    [' http:////bad.example ', 'bad.example'],
    ['other://bad.example/x', 'bad.example'],
    ['//bad.example/x', 'bad.example'],
    ['\\\\bad.example\\x', 'bad.example'],
    ['/bad.example/x', null],
    ['String', null],
    ['file:///path', null],
    ['tel:+49', null],
    ['cid:image001.png@01D9.example', null],
    ['cid:001@01D9.example', null],
    ['localhost:80', null],
    ['http://[::1', null],
    ['', null],
    [null, null],
  ])('hostOf: %s', (url, expected) => expect(hostOf(url)).toBe(expected));

  it.each([
    ['HTTPS://bad.example', 'https'],
    ['mailto:a@b.example', 'mailto'],
    ['bad.example:443', null],
    ['bad.example:443/x', null],
    ['bad.example/x:y', null],
    ['2001:db8::1', null],
    ['', null],
  ])('schemeOf: %s', (url, scheme) => expect(schemeOf(url)).toBe(scheme));
});
