/** Free text as SQL over the raw record. Pure. */
import { quote } from '../lake/sql.ts';
import { refang } from './indicator.ts';
import { anyOf, likePieces, piecesOf } from './pattern.ts';
import type { Term } from './query.ts';

/** The record holds the text as it was given, or as the indicator that it makes harmless. */
export function freeText({ text, isQuoted }: Extract<Term, { kind: 'text' }>): string {
  const conditions = [text, refang(text)].flatMap((each) => {
    const pieces = isQuoted ? [each] : trimmed(piecesOf(each));
    return writersOf(each).map((written) => holds(pieces.map(written)));
  });
  return anyOf([...new Set(conditions)]);
}

/** Whatever stands before the first piece, and behind the last, may stand there anyhow. */
function trimmed(pieces: readonly string[]): string[] {
  const from = pieces.findIndex((piece) => piece !== '');
  return from < 0 ? [''] : pieces.slice(from, pieces.findLastIndex((piece) => piece !== '') + 1);
}

function holds(pieces: readonly string[]): string {
  const [only = '', ...others] = pieces;
  return others.length === 0 ? `contains(lower(raw), lower(${quote(only)}))` : likePieces('raw', ['', ...pieces, '']);
}

type Write = (text: string) => string;

/** How text may stand in a raw record: as it is, or inside a JSON string, whose writers differ in what they escape. */
function writersOf(text: string): Write[] {
  const inJson = escapes.map(
    (escape): Write =>
      (piece) =>
        escape(JSON.stringify(piece).slice(1, -1)),
  );
  if (!/[^ -~]/.test(text)) return [asItIs, ...inJson];
  const inAscii = casings.flatMap((casing) =>
    inJson.map(
      (write): Write =>
        (piece) =>
          asciiOnly(write(casing(piece))),
    ),
  );
  return [asItIs, ...inJson, ...inAscii];
}

const asItIs: Write = (text) => text;
/** PHP: https://www.php.net/manual/en/json.constants.php (JSON_UNESCAPED_SLASHES) */
const slashes: Write = (text) => text.replaceAll('/', String.raw`\/`);
/** Go: https://pkg.go.dev/encoding/json#HTMLEscape */
const markup: Write = (text) => text.replaceAll(/[<>&]/g, unicodeEscape);
const escapes: readonly Write[] = [asItIs, slashes, markup, (text) => markup(slashes(text))];

/** An escaped letter has no other case for SQL to find. */
const casings: readonly Write[] = [asItIs, (text) => text.toLowerCase(), (text) => text.toUpperCase()];

const asciiOnly: Write = (text) => text.replaceAll(/[^ -~]/g, unicodeEscape);

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
