/**
 * URLs as they were before Proofpoint's URL Defense rewrote them, in any of its three versions:
 * https://help.proofpoint.com/Threat_Insight_Dashboard/Concepts/How_do_I_decode_a_rewritten_URL%3F
 */
import { unescape } from 'node:querystring';
import { authorityOf, hostOf } from './address.ts';

const hosts: ReadonlySet<string> = new Set(['urldefense.com', 'urldefense.us', 'urldefense.proofpoint.com']);

/** What is forwarded is rewritten again, but not without end. */
const roundsMax = 5;

/** Whether the host, in lower case, is one that rewritten URLs lead to. */
export function isUrlDefenseHost(host: string): boolean {
  return host.startsWith('urldefense.') && hosts.has(host);
}

/** The URL that was rewritten, however many times; one that was not, or whose rewriting is malformed, as it is. */
export function originalUrl(url: string): string {
  let original = url;
  for (let round = 0; round < roundsMax; round++) {
    const next = unwrapped(original);
    if (next === null) return original;
    original = next;
  }
  return original;
}

/** One rewriting less; null where there is none, or it is malformed. */
function unwrapped(url: string): string | null {
  // most URLs are not rewritten, and need no closer look
  const host = url.includes('/v') ? hostOf(url) : null;
  if (host === null || !isUrlDefenseHost(host)) return null;
  const text = url.trim();
  const path = text.slice(authorityOf(text)?.to);
  if (path.startsWith('/v3/__')) return ofVersion3(path);
  const rewritten = parameterU(path);
  if (rewritten === null) return null;
  if (path.startsWith('/v2/')) return ofHtml(unescape(rewritten.replaceAll('-', '%').replaceAll('_', '/')));
  return path.startsWith('/v1/') ? ofHtml(unescape(rewritten)) : null;
}

/** Both versions rewrite links as they stand in HTML. */
const ofHtml = (url: string) => url.replaceAll('&amp;', '&');

/** The first `u` of the query; null where it has none. In URLs that were taken out of HTML, `&` may be `&amp;`. */
function parameterU(path: string): string | null {
  for (const parameter of path.slice(path.indexOf('?') + 1).split('&')) {
    const from = parameter.startsWith('amp;') ? 'amp;'.length : 0;
    if (parameter.startsWith('u=', from)) return parameter.slice(from + 'u='.length);
  }
  return null;
}

const star = 42;
/** The digit at 0 stands for a run of two bytes, the next for one of three. */
const runDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const shortestRun = 2;

/**
 * `/v3/__URL__;BYTES!!…`: a `*` in URL is the next of BYTES (base64), `**` and a digit a run of them. Null where there are too few. The last
 * `__;` ends URL: one that is rewritten twice has the other within.
 */
function ofVersion3(path: string): string | null {
  const from = '/v3/__'.length;
  const to = path.lastIndexOf('__;');
  const bytesTo = path.indexOf('!', to);
  if (to < from || bytesTo < 0) return null;
  const masked = Buffer.from(path.slice(from, to));
  const bytes = Buffer.from(path.slice(to + '__;'.length, bytesTo), 'base64url');
  const url = Buffer.alloc(masked.length + bytes.length);
  let length = 0;
  let taken = 0;
  for (let at = 0; at < masked.length; at++) {
    const code = masked[at] ?? 0;
    if (code !== star) {
      url[length++] = code;
      continue;
    }
    let run = 1;
    if (masked[at + 1] === star) {
      const digit = runDigits.indexOf(String.fromCharCode(masked[at + 2] ?? 0));
      if (digit < 0) return null;
      run = digit + shortestRun;
      at += 2;
    }
    if (taken + run > bytes.length) return null;
    length += bytes.copy(url, length, taken, taken + run);
    taken += run;
  }
  return unfolded(url.toString('utf8', 0, length));
}

/** Some gateways fold the two slashes behind the scheme into one. */
function unfolded(url: string): string {
  return url.replace(/^(https?:\/)(?!\/)/i, '$1/');
}
