/** Indicators as text, in the one form that they are stored and searched in. Plain scanning: these texts come from senders. */
import { domainToASCII } from 'node:url';
import { hostOf, schemeOf, unliteral } from './address.ts';

/** As longer names do not resolve. */
const longestDomain = 253;
/** Hexadecimal digits of MD5, SHA-1, SHA-256, SHA-512. */
const hashLengths: ReadonlySet<number> = new Set([32, 40, 64, 128]);

/** A longer host, percent-encoded or not, is not read as browsers do: that takes more than linear time. */
const longestHost = 4 * longestDomain;

const dot = 46;
const isDigit = (code: number) => code >= 48 && code <= 57;

/** An IPv4 address as it stands, an IPv6 address as RFC 5952 writes it (one that only wraps an IPv4 address: as that); null for anything else. */
export function canonicalIp(text: string): string | null {
  const address = unliteral(text);
  return isIpv4(address) ? address : address.includes(':') ? canonicalIpv6(address) : null;
}

function isIpv4(text: string): boolean {
  if (text.length < 7 || text.length > 15) return false;
  let parts = 1;
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      if (value < 0) return false;
      parts++;
      value = -1;
    } else if (isDigit(code) && value !== 0) {
      value = Math.max(value, 0) * 10 + code - 48;
      if (value > 255) return false;
    } else return false;
  }
  return parts === 4 && value >= 0;
}

function canonicalIpv6(text: string): string | null {
  if (text.length > 64) return null;
  const zone = text.indexOf('%');
  const address = zone < 0 ? text : text.slice(0, zone);
  if (!URL.canParse(`http://[${address}]`)) return null;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (!canonical.startsWith('::ffff:')) return canonical;
  const [high = '', low = '', more] = canonical.slice(7).split(':');
  if (low === '' || more !== undefined) return canonical;
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return bits.flatMap((word) => [word >> 8, word & 255]).join('.');
}

/** Lower case, without the final dot, as ASCII (`xn--…`); null for a single label, an address, or what no host can be called. */
export function canonicalDomain(text: string): string | null {
  if (text.length > longestDomain + 1 || !text.includes('.')) return null;
  const lower = text.toLowerCase();
  let end = lower.length;
  if (lower.charCodeAt(end - 1) === dot) end--;
  let label = 0;
  let hasLetter = false;
  for (let at = 0; at < end; at++) {
    const code = lower.charCodeAt(at);
    if (code >= 128) return canonicalDomain(domainToASCII(lower));
    if (code === dot) {
      if (at === label) return null;
      label = at + 1;
      hasLetter = false;
    } else if (code >= 97 && code <= 122) hasLetter = true;
    else if (!isDigit(code) && code !== 45 && code !== 95) return null;
  }
  // the last label of a name has a letter; of an address, even a mistyped one, it has none, or it is hexadecimal
  return label > 0 && label < end && hasLetter && !lower.startsWith('0x', label) ? lower.slice(0, end) : null;
}

/** Lower case; null for what is no hash in hexadecimal. */
export function canonicalHash(text: string): string | null {
  if (!hashLengths.has(text.length)) return null;
  const lower = text.toLowerCase();
  for (let at = 0; at < lower.length; at++) {
    const code = lower.charCodeAt(at);
    if (!isDigit(code) && !(code >= 97 && code <= 102)) return null;
  }
  return lower;
}

/** Lower case, with the domain in its one form; null for what is no address. `domain`: that form, where it is known by now. */
export function canonicalEmail(
  text: string,
  domain = canonicalDomain(text.slice(text.lastIndexOf('@') + 1)),
): string | null {
  const lower = text.toLowerCase();
  const from = lower.lastIndexOf('@') + 1;
  if (from < 2 || from === lower.length || lower.includes(' ')) return null;
  const isInForm = domain === null || (lower.length - from === domain.length && lower.endsWith(domain));
  return isInForm ? lower : `${lower.slice(0, from)}${domain}`;
}

/** The name or address that a browser asks for the URL; null where that is none, or one of a local network (`intranet`). */
export function canonicalHost(url: string): string | null {
  const host = hostOf(url);
  if (host === null) return null;
  // without a scheme, numbers are more likely a date or a version than an address
  return canonicalName(host) ?? (schemeOf(url.trim()) === null ? null : canonicalName(hostInBrowser(host)));
}

function canonicalName(host: string): string | null {
  return canonicalDomain(host) ?? canonicalIp(host);
}

/** As browsers read it, whatever of it is percent-encoded, in other scripts, or a number for an IPv4 address: https://url.spec.whatwg.org/#host-parsing */
function hostInBrowser(host: string): string {
  const url = `http://${host}`;
  return host.length <= longestHost && URL.canParse(url) ? new URL(url).hostname : '';
}
