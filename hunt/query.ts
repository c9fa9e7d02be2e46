/** The search language: `field=value`, comparisons, and free text, all of which must hold. Pure. */
import { IngestError } from '../errors/ingest-error.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=';

export type Term =
  /** Stars of quoted text are stars. */
  | { readonly kind: 'text'; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly operator: Operator; readonly value: string };

/**
 * `sender_ip=192.0.2.* parts.sha256=ab12… spam_score>=80 "free text" word`.
 * Words are parted by blanks, and quotes keep them together. `\"` is a quote; only before a quote are backslashes doubled.
 * @throws IngestError `lake.query`
 */
export function parseQuery(query: string): Term[] {
  return words(query).map(({ text, quotedFrom }) => {
    const isQuoted = Number.isFinite(quotedFrom);
    const found = /^([A-Za-z_][\w.[\]-]*)(!=|>=|<=|=|>|<)/.exec(text);
    const [whole, path, operator] = found ?? [];
    if (!isQuoted) mustMeanWhatItSays(text, text === whole);
    // a word that is quoted from before its operator is text: "a=b" is looked for as it stands
    if (whole === undefined || path === undefined || quotedFrom < whole.length) return { kind: 'text', text, isQuoted };
    return { kind: 'field', path: path.split('.'), operator: operator as Operator, value: text.slice(whole.length) };
  });
}

/** Other languages have operators between terms, and blanks around those of fields: as words of text they would find nothing. */
function mustMeanWhatItSays(word: string, endsInOperator: boolean): void {
  const refused = (why: string) => new IngestError('lake.query', `search: ${JSON.stringify(word)} ${why}`);
  if (/^(and|or|not|&&|\|\|)$/i.test(word))
    throw refused(
      'is no operator here: all terms must match, field!=value negates one, and alternatives are asked for one after the other; quote the word to search for it',
    );
  if (endsInOperator)
    throw refused('lacks its value: no blanks stand around operators, and field="" asks for the empty text');
  // `<a@b>` is text
  if (/^(!=|[=>]|<(?!.+>))/.test(word))
    throw refused('lacks its field: no blanks stand around operators; quote it to search for it as text');
}

interface Word {
  text: string;
  /** Index in `text` at which its first quoted character stands. */
  quotedFrom: number;
}

/** Blanks, a quote with the backslashes before it, or a run of anything else. */
const piece = /(\s+)|(\\*)"|\\+|[^\s\\"]+/g;

function words(query: string): Word[] {
  const found: Word[] = [];
  let current: Word | undefined;
  let quoted = false;
  for (const [whole, blanks, backslashes] of query.matchAll(piece)) {
    if (blanks !== undefined && !quoted) {
      if (current !== undefined) found.push(current);
      current = undefined;
      continue;
    }
    current ??= { text: '', quotedFrom: Number.POSITIVE_INFINITY };
    if (backslashes === undefined) {
      current.text += whole;
      continue;
    }
    current.text += '\\'.repeat(Math.floor(backslashes.length / 2));
    if (backslashes.length % 2 === 1) current.text += '"';
    else {
      quoted = !quoted;
      current.quotedFrom = Math.min(current.quotedFrom, current.text.length);
    }
  }
  if (quoted) throw new IngestError('lake.query', 'search: a quote is opened and never closed');
  if (current !== undefined) found.push(current);
  return found;
}
