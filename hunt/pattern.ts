/** Stars in what is looked for: `*` stands for anything, `\*` for itself. Pure. */
import { quote } from '../lake/sql.ts';

/** The text between the stars; one piece where there is none. */
export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let from = 0;
  for (const { 0: found, 1: backslashes = '', index } of text.matchAll(/(\\*)\*/g)) {
    // pairs of backslashes before a star are one each, and one that is left over makes the star itself
    piece += text.slice(from, index) + '\\'.repeat(Math.floor(backslashes.length / 2));
    from = index + found.length;
    if (backslashes.length % 2 === 1) piece += '*';
    else {
      pieces.push(piece);
      piece = '';
    }
  }
  return [...pieces, piece + text.slice(from)];
}

/** A value that has these pieces in this order, with anything between them. Lower case is DuckDB's on both sides: JavaScript's differs. */
export function likePieces(value: string, pieces: readonly string[]): string {
  const pattern = pieces.map((piece) => piece.replaceAll(/[\\%_]/g, String.raw`\$&`)).join('%');
  return `lower(${value}) LIKE lower(${quote(pattern)}) ESCAPE '\\'`;
}

export function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1 ? `${conditions[0]}` : `(${conditions.join(' OR ')})`;
}
