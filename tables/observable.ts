/** Indicators as text, in the one form that they are stored and searched in. Plain scanning: these texts come from senders. */
import { domainToASCII } from 'node:url';
import { addressIn, unliteral } from './address.ts';

/** As longer names do not resolve. */
const longestDomain = 253;
/** Hexadecimal digits of MD5, SHA-1, SHA-256, SHA-512. */
const hashLengths: ReadonlySet<number> = new Set([32, 40, 64, 128]);

const dot = 46;
const quote = 34;
const comma = 44;
const semicolon = 59;
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
  // the last label of a name has a letter; of an address, even a mistyped one, it has none
  return label > 0 && label < end && hasLetter ? lower.slice(0, end) : null;
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

/** Lower case; null for what is no address. */
export function canonicalEmail(text: string): string | null {
  const at = text.lastIndexOf('@');
  return at < 1 || at === text.length - 1 || text.includes(' ') ? null : text.toLowerCase();
}

/** The addresses of a list of mailboxes such as `"Park, Lena" <a@b>, c@d`. */
export function mailboxAddresses(text: string): string[] {
  const found: string[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) quoted = !quoted;
    if (at < text.length && (quoted || (code !== comma && code !== semicolon))) continue;
    const address = addressIn(text.slice(from, at));
    if (address !== null) found.push(address);
    from = at + 1;
  }
  return found;
}
