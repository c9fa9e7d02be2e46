import { describe, expect, it } from 'vitest';
import { addressIn, domainOf, hostOf, unbracket, unliteral } from '../../tables/address.ts';

describe('address', () => {
  it.each([
    ['<a@b>', 'a@b'],
    ['a@b', 'a@b'],
    ['<>', ''],
    ['<a', '<a'],
  ])('unbracket: %s', (text, expected) => expect(unbracket(text)).toBe(expected));

  it.each([
    ['[192.0.2.1]', '192.0.2.1'],
    ['[IPv6:2001:db8::1]', '2001:db8::1'],
    ['192.0.2.1', '192.0.2.1'],
  ])('unliteral: %s', (text, expected) => expect(unliteral(text)).toBe(expected));

  it.each([
    ['"A. Name" <a@b.example>', 'a@b.example'],
    ['a@b.example', 'a@b.example'],
    ['"x <y@z>" <a@b.example>', 'a@b.example'],
    ['Undisclosed recipients', null],
    ['a@b and c@d', null],
    ['> <a@b', null],
    [null, null],
  ])('addressIn: %s', (mailbox, expected) => expect(addressIn(mailbox)).toBe(expected));

  it.each([
    ['9facbf45@Bad.Example', 'bad.example'],
    ['"a@b"@c.example', 'c.example'],
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
    ['http://bad.example?x#y', 'bad.example'],
    ['String', null],
    ['http:///path', null],
    ['http://[::1', null],
    ['', null],
    [null, null],
  ])('hostOf: %s', (url, expected) => expect(hostOf(url)).toBe(expected));
});
