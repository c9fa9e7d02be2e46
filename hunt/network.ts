/** Networks of addresses as SQL: DuckDB's extension for them is not among those that are shipped. Pure. */
import { isIPv4 } from 'node:net';
import { quote } from '../lake/sql.ts';
import { canonicalIp } from '../tables/observable.ts';

const digitsMax = 32;

/** Whether the text is an address of `192.0.2.0/24` or `2001:db8::/32`; undefined where the network is none. */
export function inNetwork(value: string, network: string): string | undefined {
  const [, text = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
  const address = canonicalIp(text);
  const prefix = Number(bits);
  if (address === null || prefix > (isIPv4(text) ? 32 : 128)) return undefined;
  if (isIPv4(text)) return inIpv4(value, address, prefix);
  // an IPv4 address in IPv6's clothes is stored, and asked for, as IPv4
  return isIPv4(address) ? undefined : inIpv6(value, address, prefix);
}

/** Part by part: those the network fixes, one it fixes in part, and any. */
function inIpv4(value: string, address: string, prefix: number): string {
  const parts = address.split('.').map((part, index) => {
    const open = 2 ** Math.min(8, Math.max(0, 8 * (index + 1) - prefix));
    if (open === 256) return '[0-9]{1,3}';
    const first = Math.floor(Number(part) / open) * open;
    return `(${Array.from({ length: open }, (_, offset) => first + offset).join('|')})`;
  });
  return `regexp_full_match(${value}, ${quote(parts.join('[.]'))})`;
}

/** Between the first address of the network and its last, all as 32 digits. */
function inIpv6(value: string, address: string, prefix: number): string {
  const open = BigInt(128 - prefix);
  const first = (BigInt(`0x${digitsOf(address)}`) >> open) << open;
  const last = first | ((1n << open) - 1n);
  const digits = (bound: bigint) => quote(bound.toString(16).padStart(digitsMax, '0'));
  const text = `lower(${value})`;
  const [head, tail] = [1, 2].map((half) => digitsSql(`split_part(${text}, '::', ${half})`));
  const whole = `rpad(${head}, greatest(0, ${digitsMax} - length(${tail}))::INTEGER, '0') || ${tail}`;
  return `CASE WHEN regexp_full_match(${text}, '[0-9a-f]*(:[0-9a-f]*)+') THEN ${whole} BETWEEN ${digits(first)} AND ${digits(last)} ELSE false END`;
}

function digitsOf(address: string): string {
  const [head = '', tail = ''] = address
    .split('::')
    .map((half) => half.replaceAll(/[^:]+/g, (word) => word.padStart(4, '0')).replaceAll(':', ''));
  return head.padEnd(digitsMax - tail.length, '0') + tail;
}

/** The same in SQL: each word with zeros before it, then its last four digits. */
function digitsSql(half: string): string {
  const long = `regexp_replace(${half}, '([0-9a-f]+):?', '000\\1:', 'g')`;
  return `regexp_replace(${long}, '[0-9a-f]*([0-9a-f]{4}):', '\\1', 'g')`;
}
