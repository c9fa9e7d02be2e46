/** Lists within values: items between commas, where an address between angle brackets may hold commas itself. */

/** Characters; an address has at most 256 (https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1). */
const longestAddress = 512;

const open = 60;

/** The items of `a,b,`: empty ones, such as the one after a trailing comma, are left out. */
export function commaItems(value: string): string[] {
  const items: string[] = [];
  let from = 0;
  while (from <= value.length) {
    const comma = value.indexOf(',', Math.max(from, bracketEnd(value, from)));
    const to = comma < 0 ? value.length : comma;
    const item = value.slice(from, to).trim();
    if (item !== '') items.push(item);
    from = to + 1;
  }
  return items;
}

/** Where the address that begins with `<` at `at` has its `>`; -1 where none begins there, or it has no end. */
export function bracketEnd(text: string, at: number): number {
  if (text.charCodeAt(at) !== open) return -1;
  const close = text.slice(at, at + longestAddress).indexOf('>');
  return close < 0 ? -1 : at + close;
}
