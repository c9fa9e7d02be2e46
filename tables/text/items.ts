/** Lists within values: items between commas, where an address between angle brackets may hold commas itself. */

/** Characters; an address has at most 256 (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1). */
const longestAddress = 512;

const blank = 32;
const quote = 34;
const comma = 44;
const open = 60;
const close = 62;
const backslash = 92;

/** The items of `a,b,`: empty ones, such as the one after a trailing comma, are left out. */
export function commaItems(value: string): string[] {
  const items: string[] = [];
  let from = 0;
  while (from <= value.length) {
    const end = value.indexOf(',', Math.max(from, bracketEnd(value, from)));
    const to = end < 0 ? value.length : end;
    const item = value.slice(from, to).trim();
    if (item !== '') items.push(item);
    from = to + 1;
  }
  return items;
}

/**
 * Where the address that begins with `<` at `at` has its `>`; -1 where none begins there, or it has no end within `longest` characters, as one that was
 * cut. What is quoted may hold anything; else no address holds a comma and a blank.
 */
export function bracketEnd(text: string, at: number, longest = longestAddress): number {
  if (text.charCodeAt(at) !== open) return -1;
  const limit = Math.min(text.length, at + longest);
  let mayQuote = true;
  for (let next = at + 1; next < limit; next++) {
    const code = text.charCodeAt(next);
    if (code === close) return next;
    if (code === comma && text.charCodeAt(next + 1) === blank) return -1;
    if (code !== quote || !mayQuote) continue;
    const end = quoteEnd(text, next, limit);
    // where one quote is never closed, none behind it is
    if (end < 0) mayQuote = false;
    else next = end;
  }
  return -1;
}

/** Where the quoted part that begins at `at` ends; -1 where it does not. */
function quoteEnd(text: string, at: number, limit: number): number {
  for (let next = at + 1; next < limit; next++) {
    const code = text.charCodeAt(next);
    if (code === quote) return next;
    if (code === backslash) next++;
  }
  return -1;
}
