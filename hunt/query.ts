/** The search language: `field=value`, comparisons, and free text, all of which must hold. Pure. */
import { IngestError } from '../errors/ingest-error.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

export type Term =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly operator: Operator; readonly value: string };

/**
 * `sender_ip=192.0.2.* parts.sha256=ab12… spam_score>=80 "free text" word`.
 * Words are parted by blanks; quotes keep them together; `\"` is a quote.
 * @throws IngestError `lake.query`
 */
export function parseQuery(query: string): Term[] {
  return words(query).map(({ text, quotedFrom }) => {
    const found = /^([A-Za-z_][\w.-]*)(!=|>=|<=|=|>|<)/.exec(text);
    const [whole, path, operator] = found ?? [];
    // a word that is quoted from before its operator is text: "a=b" is looked for as it stands
    if (whole === undefined || path === undefined || quotedFrom < whole.length) return { kind: 'text', text };
    return { kind: 'field', path: path.split('.'), operator: operator as Operator, value: text.slice(whole.length) };
  });
}

interface Word {
  text: string;
  /** Index in `text` at which its first quoted character stands. */
  quotedFrom: number;
}

function words(query: string): Word[] {
  const found: Word[] = [];
  let current: Word | undefined;
  let quoted = false;
  for (let index = 0; index < query.length; index += 1) {
    const character = query[index] ?? '';
    if (character === '"') {
      quoted = !quoted;
      current ??= { text: '', quotedFrom: Number.POSITIVE_INFINITY };
      current.quotedFrom = Math.min(current.quotedFrom, current.text.length);
    } else if (!quoted && /\s/.test(character)) {
      if (current !== undefined) found.push(current);
      current = undefined;
    } else {
      const escaped = character === '\\' && query[index + 1] === '"';
      if (escaped) index += 1;
      current ??= { text: '', quotedFrom: Number.POSITIVE_INFINITY };
      current.text += escaped ? '"' : character;
    }
  }
  if (quoted) throw new IngestError('lake.query', 'search: a quote is opened and never closed');
  if (current !== undefined) found.push(current);
  return found;
}
