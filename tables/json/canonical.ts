/** JSON values as text: one form for keeping (`jsonText`), one for recognising (`canonicalText`). */

/** No vendor record comes near; deeper ones would only overflow the stack. */
const maxDepth = 64;

/** Stands for a value that is nested too deeply; the value itself is in the row's `raw`. */
const tooDeep = '(nested deeper than 64 levels: see raw)';

/** Text as it is; anything else as JSON with sorted keys. */
export function jsonText(value: unknown): string {
  return typeof value === 'string' ? value : (write(value, false, 0) ?? tooDeep);
}

/**
 * The same text for the same record: keys sorted at every level, and lists as bags, because the TAP API gives `messageParts` in another order
 * on every call (https://github.com/rapid7/insightconnect-plugins, proofpoint_tap: parts are sorted before hashing).
 * Undefined for a value nested deeper than 64 levels.
 */
export function canonicalText(value: unknown): string | undefined {
  return write(value, true, 0);
}

function write(value: unknown, bags: boolean, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= maxDepth) return undefined;
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value) {
      const part = write(item, bags, depth + 1);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    if (bags && parts.length > 1) parts.sort();
    return `[${parts.join(',')}]`;
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object).sort()) {
    const part = write(object[key], bags, depth + 1);
    if (part === undefined) return undefined;
    parts.push(`${JSON.stringify(key)}:${part}`);
  }
  return `{${parts.join(',')}}`;
}
