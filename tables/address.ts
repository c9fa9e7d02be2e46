/** What addresses, hosts and URLs hold, taken out by plain scanning: these texts come from senders. */

/** `<a@b>` without its angle brackets; anything else as it is. */
export function unbracket(text: string): string {
  return text.length >= 2 && text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

/** `[192.0.2.1]` and `[IPv6:2001:db8::1]` without brackets and prefix. */
export function unliteral(text: string): string {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return inner.startsWith('IPv6:') ? inner.slice(5) : inner;
}

/** The address of a mailbox such as `"A. Name" <a@b>` or `a@b`; null where there is none. */
export function addressIn(mailbox: string | null): string | null {
  if (mailbox === null) return null;
  const close = mailbox.lastIndexOf('>');
  const open = close < 0 ? -1 : mailbox.lastIndexOf('<', close);
  const address = open < 0 ? mailbox.trim() : mailbox.slice(open + 1, close);
  return address.includes('@') && !address.includes(' ') ? address : null;
}

/** The domain of an address, lower case: it stays true when Proofpoint hashes the local part. Null where there is none. */
export function domainOf(address: string | null): string | null {
  if (address === null) return null;
  const at = address.lastIndexOf('@');
  return at < 0 || at === address.length - 1 ? null : address.slice(at + 1).toLowerCase();
}

/** The host of a URL, lower case, without user and port; null where the text has no host. */
export function hostOf(url: string | null): string | null {
  if (url === null) return null;
  const scheme = url.indexOf('://');
  const from = scheme < 0 ? 0 : scheme + 3;
  let to = from;
  while (to < url.length && !endsAuthority(url.charCodeAt(to))) to++;
  const authority = url.slice(from, to);
  const host = withoutPort(authority.slice(authority.lastIndexOf('@') + 1)).toLowerCase();
  return host === '' || host.includes(' ') || (scheme < 0 && !host.includes('.')) ? null : host;
}

/** `/`, `?`, `#` and the backslash that browsers take for `/`. */
function endsAuthority(code: number): boolean {
  return code === 47 || code === 63 || code === 35 || code === 92;
}

function withoutPort(host: string): string {
  if (host.startsWith('[')) return unliteral(host.slice(0, host.indexOf(']') + 1));
  const colon = host.indexOf(':');
  return colon < 0 ? host : host.slice(0, colon);
}
