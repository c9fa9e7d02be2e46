/** What addresses, hosts and URLs hold, taken out by plain scanning: these texts come from senders. */

const quote = 34;
const hash = 35;
const openComment = 40;
const closeComment = 41;
const comma = 44;
const slash = 47;
const colon = 58;
const semicolon = 59;
const less = 60;
const greater = 62;
const questionMark = 63;
const atSign = 64;
const backslash = 92;
const isDigit = (code: number) => code >= 48 && code <= 57;
/** A space, tab or line end, as folded headers have. */
const isBlank = (code: number) => code === 32 || (code >= 9 && code <= 13);

/** `<a@b>` without its angle brackets and what is blank about them; anything else as it is. */
export function unbracket(text: string): string {
  const trimmed = text.trim();
  return trimmed.length >= 2 && trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : text;
}

/** `[192.0.2.1]` and `[IPv6:2001:db8::1]` without brackets and prefix, and what is blank about them. */
export function unliteral(text: string): string {
  const trimmed = text.trim();
  const inner = trimmed.startsWith('[') && trimmed.endsWith(']') ? trimmed.slice(1, -1) : text;
  return inner.startsWith('IPv6:') ? inner.slice(5) : inner;
}

/** The address of a mailbox such as `"A. Name" <a@b>` or `a@b`, of several the first; null where there is none. */
export function addressIn(mailbox: string | null): string | null {
  return mailbox === null ? null : (addressesIn(mailbox)[0] ?? null);
}

/**
 * The addresses of mailboxes such as `"Park, Lena" <a@b>, c@d (Desk); Team: e@f`, in order: of each mailbox those in angle brackets, else every
 * word with an `@`. What is quoted or a comment holds none; a quote or parenthesis that is never closed hides nothing.
 */
export function addressesIn(text: string): string[] {
  if (isAddress(text)) return [text];
  const found: string[] = [];
  let firstOfMailbox = 0;
  let isBracketed = false;
  let inBrackets = false;
  let neverClosed: Set<number> | undefined;
  let wordFrom = 0;
  let sign = -1;

  function endWord(to: number): void {
    if (sign > wordFrom && sign < to - 1 && (inBrackets || !isBracketed)) {
      if (inBrackets && !isBracketed) found.length = firstOfMailbox;
      isBracketed = inBrackets;
      found.push(text.slice(wordFrom, to));
    }
    wordFrom = to + 1;
  }

  for (let at = 0; at <= text.length; at++) {
    const code = at === text.length ? comma : text.charCodeAt(at);
    if (code === atSign) sign = at;
    else if (code === quote || code === openComment) {
      if (code === openComment) endWord(at);
      const end = neverClosed?.has(code) === true ? -1 : closingOf(text, at);
      if (end < 0) (neverClosed ??= new Set()).add(code);
      else at = end;
      if (code === openComment) wordFrom = at + 1;
    } else if (isBlank(code)) endWord(at);
    else if (code === less || code === greater) {
      endWord(at);
      inBrackets = code === less;
    } else if (code === colon) {
      // behind the name of a group; an address has one in a literal alone: `a@[IPv6:…]`
      if (sign <= wordFrom) endWord(at);
    } else if (code === comma || code === semicolon) {
      endWord(at);
      firstOfMailbox = found.length;
      isBracketed = false;
      inBrackets = false;
    }
  }
  return found;
}

/** Whether the text is an address and nothing else, as most are. */
export function isAddress(text: string): boolean {
  let sign = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === atSign) sign = at;
    else if (marks[code] === 1) return false;
  }
  return sign > 0 && sign < text.length - 1;
}

/** 1 for what parts, wraps or hides addresses. */
const marks = new Uint8Array(atSign);
for (const mark of '\t\n\v\f\r "(,:;<>') marks[mark.charCodeAt(0)] = 1;

/** Where the quoted text or comment that begins at `from` ends; -1 where it never does. Comments nest; a backslash stands before what means nothing. */
function closingOf(text: string, from: number): number {
  const isComment = text.charCodeAt(from) === openComment;
  const close = isComment ? closeComment : quote;
  let depth = 1;
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === close && --depth === 0) return at;
    else if (isComment && code === openComment) depth++;
  }
  return -1;
}

/** The domain of an address, lower case: it stays true when Proofpoint hashes the local part. Null where there is none. */
export function domainOf(address: string | null): string | null {
  if (address === null) return null;
  const at = address.lastIndexOf('@');
  if (at < 0 || at === address.length - 1) return null;
  const domain = address.slice(at + 1).toLowerCase();
  return domain.length > 1 && domain.endsWith('.') ? domain.slice(0, -1) : domain;
}

/** The host of a URL, lower case, without user and port; null where the text has no host. */
export function hostOf(url: string | null): string | null {
  if (url === null) return null;
  const text = url.trim();
  const authority = authorityOf(text);
  if (authority === null) return null;
  const userAndHost = text.slice(authority.from, authority.to);
  const host = withoutPort(userAndHost.slice(userAndHost.lastIndexOf('@') + 1)).toLowerCase();
  return host === '' || host.includes(' ') || (authority.from === 0 && !host.includes('.')) ? null : host;
}

/** Their URLs have a host, whatever browsers find of slashes before it: https://url.spec.whatwg.org/#special-scheme */
const hostSchemes: ReadonlySet<string> = new Set(['http', 'https', 'ftp', 'ws', 'wss']);

/** The scheme of a URL, lower case; null where it has none: what a port stands behind (`bad.example:8080`) is a host. */
export function schemeOf(url: string): string | null {
  let at = 0;
  while (isSchemeCode(url.charCodeAt(at))) at++;
  if (url.charCodeAt(at) !== colon || !isLetter(url.charCodeAt(0))) return null;
  const scheme = url.slice(0, at).toLowerCase();
  return isPort(url, at + 1) && !hostSchemes.has(scheme) ? null : scheme;
}

interface Authority {
  readonly from: number;
  readonly to: number;
}

/** Where user, host and port stand in a URL, or in one that lacks its scheme; null where its scheme has none (`tel:`). */
export function authorityOf(url: string): Authority | null {
  const scheme = schemeOf(url);
  let from = scheme === null ? 0 : scheme.length + 1;
  // `//host/path` has the scheme of where it stands
  if (scheme === null ? isSlash(url.charCodeAt(0)) && isSlash(url.charCodeAt(1)) : hostSchemes.has(scheme))
    while (isSlash(url.charCodeAt(from))) from++;
  else if (scheme !== null) {
    if (!url.startsWith('//', from)) return null;
    from += 2;
  }
  let to = from;
  while (to < url.length && !endsAuthority(url.charCodeAt(to))) to++;
  return { from, to };
}

const isLetter = (code: number) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);

/** A letter, a digit, `+`, `-`, `.` */
function isSchemeCode(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === 43 || code === 45 || code === 46;
}

/** `/`, and the backslash that browsers take for it. */
function isSlash(code: number): boolean {
  return code === slash || code === backslash;
}

function endsAuthority(code: number): boolean {
  return isSlash(code) || code === questionMark || code === hash;
}

function isPort(url: string, from: number): boolean {
  let at = from;
  while (isDigit(url.charCodeAt(at))) at++;
  return at > from && (at === url.length || endsAuthority(url.charCodeAt(at)));
}

function withoutPort(host: string): string {
  if (host.startsWith('[')) return unliteral(host.slice(0, host.indexOf(']') + 1));
  const colonAt = host.indexOf(':');
  return colonAt < 0 ? host : host.slice(0, colonAt);
}
