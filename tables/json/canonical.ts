/** JSON values as text: one form for keeping (`jsonText`), one for recognising (`canonicalText`). */

import { isRounded } from './exact-numbers.ts';

/** No vendor record comes near; deeper ones would only overflow the stack. */
const maxDepth = 64;

/** Stands for what is nested too deeply; that itself is in the row's `raw`. */
const tooDeep = '(nested deeper than 64 levels: see raw)';

/** Text as it is; anything else as JSON with sorted keys. */
export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (write(value, false, 0) ?? '');
}

/**
 * The same text for the same record: keys sorted at every level, and lists as bags, because the TAP API gives `messageParts` in another order
 * on every call (https://github.com/rapid7/insightconnect-plugins, proofpoint_tap: parts are sorted before hashing).
 * Undefined for a value nested deeper than 64 levels, and for one with a number that JavaScript rounded.
 */
export function canonicalText(value: unknown): string | undefined {
  return write(value, true, 0);
}

function write(value: unknown, bags: boolean, depth: number): string | undefined {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    if (bags && isRounded(value)) return undefined;
    // JSON has numbers, such as 1e999, that JSON.stringify makes null
    return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= maxDepth) return bags ? undefined : JSON.stringify(tooDeep);
  if (Array.isArray(value)) return writeList(value, bags, depth);
  const object = value as Record<string, unknown>;
  const { sorted, heads } = keyOrderOf(object);
  let text = '{';
  for (let index = 0; index < sorted.length; index++) {
    const part = write(object[sorted[index]!], bags, depth + 1);
    if (part === undefined) return undefined;
    text += heads[index]! + part;
  }
  return `${text}}`;
}

function writeList(list: readonly unknown[], bags: boolean, depth: number): string | undefined {
  const parts: string[] = [];
  for (const item of list) {
    const part = write(item, bags, depth + 1);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  if (bags && parts.length > 1) parts.sort();
  return `[${parts.join(',')}]`;
}

/** As JSON.stringify writes it, which is slower: most texts need no escape. */
function quoted(text: string): string {
  if (text.length > 256) return JSON.stringify(text);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // quote, backslash, control characters; surrogates, of which lone ones are escaped
    if (code < 32 || code === 34 || code === 92 || (code >= 0xd800 && code <= 0xdfff)) return JSON.stringify(text);
  }
  return `"${text}"`;
}

interface KeyOrder {
  /** As the object has them. */
  readonly keys: readonly string[];
  readonly sorted: readonly string[];
  /** What stands before the value of each sorted key: `"a":`, then `,"b":`. */
  readonly heads: readonly string[];
}

/** Key orders seen before, by their first key: records of one source have few, and to sort and to quote keys costs most. */
const keyOrders = new Map<string, KeyOrder[]>();
const firstKeysMax = 256;
/** Of one first key: records that differ in their optional fields. */
const ordersMax = 8;
/** Characters; longer lists of keys are not those of a vendor, and would be kept. */
const rememberedLengthMax = 4096;

function keyOrderOf(object: Record<string, unknown>): KeyOrder {
  const keys = Object.keys(object);
  const [first = ''] = keys;
  const known = keyOrders.get(first) ?? [];
  for (const order of known) if (areSame(order.keys, keys)) return order;
  const sorted = keys.toSorted();
  const order = { keys, sorted, heads: sorted.map((key, index) => `${index === 0 ? '' : ','}${quoted(key)}:`) };
  if (order.heads.reduce((sum, { length }) => sum + length, 0) > rememberedLengthMax) return order;
  if (known.length === 0 && keyOrders.size >= firstKeysMax) keyOrders.clear();
  keyOrders.set(first, [order, ...known].slice(0, ordersMax));
  return order;
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
