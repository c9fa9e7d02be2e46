import { readFileSync } from 'node:fs';
import { unescape } from 'node:querystring';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUrlDefenseHost, originalUrl } from '../../tables/url-defense.ts';
import { cpuMs } from '../support/cpu.ts';
import { hasSamples, samplesPath } from './parsing.ts';

/** As version 3 rewrites: what may not stand in a path is taken out, byte by byte. */
function rewritten(url: string): string {
  const taken: number[] = [];
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const masked = url.replaceAll(/[^\w:/.?=&;!$~@,()-]+/g, (run) => {
    const bytes = [...Buffer.from(run)];
    taken.push(...bytes);
    let text = '';
    for (let left = bytes.length; left > 0;) {
      const length = Math.min(left, 65);
      text += length === 1 ? '*' : `**${digits.charAt(length - 2)}`;
      left -= length;
    }
    return text;
  });
  return `https://urldefense.com/v3/__${masked}__;${Buffer.from(taken).toString('base64url')}!!org!sig$`;
}

describe('originalUrl', () => {
  it.each([
    ['https://urldefense.proofpoint.com/v1/url?u=http://bad.example/a%3Fb%3D1&k=x', 'http://bad.example/a?b=1'],
    ['https://urldefense.proofpoint.com/v1/url?k=x&amp;u=http://bad.example/&amp;r=y', 'http://bad.example/'],
    [
      'https://urldefense.proofpoint.com/v2/url?u=http-3A__bad.example_a-5Fb-3Fc-3D-25&d=x',
      'http://bad.example/a_b?c=%',
    ],
    ['https://URLDefense.com/v2/url?d=x&u=http-3A__bad.example_caf-C3-A9', 'http://bad.example/café'],
    ['https://urldefense.com/v2/url?u=http-3A__bad.example_-3Fa-3D1-26amp-3Bb-3D2&d=x', 'http://bad.example/?a=1&b=2'],
    ['https://urldefense.com/v2/url?u=http-3A__bad.example_cut-2', 'http://bad.example/cut%2'],
    ['https://urldefense.com/v3/__https://bad.example/x__;!!abc!def$', 'https://bad.example/x'],
    ['urldefense.us/v3/__http://bad.example/*frag__;Iw!a!b$', 'http://bad.example/#frag'],
    ['https://urldefense.com/v3/__http://bad.example/**Cx*y__;w6nDqCM!!a!b$', 'http://bad.example/éèx#y'],
    ['https://urldefense.com/v3/__http://bad.example/a__;b__;!!a!b$', 'http://bad.example/a__;b'],
    ['https:/urldefense.com/v3/__https:/bad.example/x__;!!a!b$', 'https://bad.example/x'],
    [' https://urldefense.com/v3/__http://bad.example/__;!!a!b$\n', 'http://bad.example/'],
  ])('of %s is %s', (url, original) => expect(originalUrl(url)).toBe(original));

  it.each([
    'http://bad.example/x',
    'https://urldefense.com/',
    'https://urldefense.com/v2/url?d=x',
    'https://urldefense.com/v4/url?u=http://good.example',
    'https://urldefense.com/v3/__http://bad.example/x',
    'https://urldefense.com/v3/__http://bad.example/x__;',
    'https://urldefense.com/v3/__http://bad.example/**Cx__;Iw!!a!b$',
    'https://urldefense.com/v3/__http://bad.example/**.x__;IyMj!!a!b$',
    'https://urldefense.com/v3/__;!!a!b$',
    'https://urldefense.com@bad.example/v3/__http://good.example__;!!a!b$',
    'https://bad.example/https://urldefense.com/v3/__http://good.example__;!!a!b$',
    'https://urldefense.example/v3/__http://good.example__;!!a!b$',
    '',
  ])('of %s is the same', (url) => expect(originalUrl(url)).toBe(url));

  it('is found behind five rewritings, and no deeper', () => {
    const url = 'http://bad.example/a*b';
    const times = (count: number) => Array.from({ length: count }).reduce<string>(rewritten, url);
    expect(originalUrl(times(5))).toBe(url);
    expect(originalUrl(times(6))).toBe(times(1));
    const second = `https://urldefense.com/v2/url?u=${encodeURIComponent(times(1)).replaceAll('-', '%2D').replaceAll('_', '%5F').replaceAll('%', '-')}&d=`;
    expect(originalUrl(second)).toBe(url);
  });

  it('of any URL that was rewritten is that URL', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const url = `http://bad.example/${text}`;
        expect(originalUrl(rewritten(url))).toBe(url);
      }),
    ));

  it.each(['__;', '*', '**_', '!', 'u=', '&', '%', '-', 'https://urldefense.com/v3/__'])(
    'of a megabyte of %j is found in time linear to its length',
    (piece) => {
      const text = piece.repeat(1_000_000 / piece.length);
      const start = cpuMs();
      for (const form of ['v1/url?u=', 'v2/url?u=', 'v3/__'])
        originalUrl(`https://urldefense.com/${form}${text}__;!!a!b$`);
      // some 100 ms when linear; a quadratic scan takes minutes
      expect(cpuMs() - start).toBeLessThan(3000);
    },
  );

  it.skipIf(!hasSamples)('of the public links is what others decoded', () => {
    const vectors = JSON.parse(readFileSync(`${samplesPath}/urldefense/vectors.json`, 'utf8')) as {
      readonly input: string;
      readonly expected: string;
      readonly percent_unquote: boolean;
    }[];
    expect(vectors.length).toBeGreaterThan(40);
    for (const { input, expected, percent_unquote } of vectors) {
      const original = originalUrl(input);
      expect(percent_unquote ? unescape(original) : original).toBe(expected);
    }
  });
});

describe('isUrlDefenseHost', () => {
  it.each([
    ['urldefense.com', true],
    ['urldefense.us', true],
    ['urldefense.proofpoint.com', true],
    ['urldefense.example', false],
    ['mail.urldefense.com', false],
  ])('of %s is %s', (host, expected) => expect(isUrlDefenseHost(host)).toBe(expected));
});
