/** Any text as one term of a query. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/(\\*)("|$)/g, (_, backslashes: string, quote: string) =>
    quote === '' ? backslashes.repeat(2) : String.raw`${backslashes.repeat(2)}\"`,
  )}"`;
}
