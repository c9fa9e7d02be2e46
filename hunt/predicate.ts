/** One search term as SQL over one table. Pure. */
import { IngestError } from '../errors/ingest-error.ts';
import { name, quote, timestampLiteral } from '../lake/sql.ts';
import type { ColumnType } from '../tables/column.ts';
import type { Operator, Term } from './query.ts';
import { parseTimeMicros } from './time.ts';

/**
 * Undefined where the table has no such field: none of its rows can match.
 * `!=` finds exactly the rows that `=` does not, those without a value among them.
 * @throws IngestError `lake.query` where the value is none of the field's type
 */
export function predicate(columns: ReadonlyMap<string, ColumnType>, term: Term): string | undefined {
  if (term.kind === 'text') return freeText(term.text);
  const [column = '', ...path] = term.path;
  const type = columns.get(column.toLowerCase());
  if (type === undefined) return undefined;
  const operator = term.operator === '!=' ? '=' : term.operator;
  const found = compare(name(column.toLowerCase()), type, path, { ...term, operator }, 0);
  return found === undefined || term.operator !== '!=' ? found : `NOT coalesce(${found}, false)`;
}

type Comparison = Exclude<Operator, '!='>;
type FieldTerm = Extract<Term, { kind: 'field' }> & { readonly operator: Comparison };

/** In lists, some element must match. */
function compare(
  value: string,
  type: ColumnType,
  path: readonly string[],
  term: FieldTerm,
  depth: number,
): string | undefined {
  switch (type.kind) {
    case 'list': {
      const element = `e${depth}`;
      const inner = compare(element, type.item, path, term, depth + 1);
      return inner === undefined
        ? undefined
        : `len(list_filter(${value}, lambda ${element}: coalesce(${inner}, false))) > 0`;
    }
    case 'struct': {
      const [field = '', ...rest] = path;
      const [known, fieldType] = Object.entries(type.fields).find(([each]) => each === field.toLowerCase()) ?? [];
      return known === undefined || fieldType === undefined
        ? undefined
        : compare(`${value}.${name(known)}`, fieldType, rest, term, depth);
    }
    case 'map':
      return path.length === 0 ? undefined : textual(`${value}[${quote(path.join('.'))}]`, term);
    case 'text':
      return path.length === 0 ? textual(value, term) : undefined;
    case 'bytes':
      return undefined;
    default:
      if (path.length > 0) return undefined;
      if (term.operator === '=' && term.value === '*') return `${value} IS NOT NULL`;
      return `${value} ${term.operator} ${literal(type.kind, term)}`;
  }
}

/** Letters match in either case; `*` stands for anything, `\*` for itself. Lower case is DuckDB's on both sides: JavaScript's differs. */
function textual(value: string, { operator, value: wanted }: FieldTerm): string {
  if (operator !== '=' || !wanted.includes('*')) return `lower(${value}) ${operator} lower(${quote(wanted)})`;
  const pattern = wanted.replaceAll(/(\\*)\*|[\\%_]/g, (found, backslashes?: string) => {
    if (backslashes === undefined) return `\\${found}`;
    // pairs of backslashes before a star are one each, and one that is left over makes the star itself
    return '\\\\'.repeat(Math.floor(backslashes.length / 2)) + (backslashes.length % 2 === 1 ? '*' : '%');
  });
  return `lower(${value}) LIKE lower(${quote(pattern)}) ESCAPE '\\'`;
}

function freeText(text: string): string {
  const anyForm = rawForms(text).map((form) => `contains(lower(raw), lower(${quote(form)}))`);
  return anyForm.length === 1 ? `${anyForm[0]}` : `(${anyForm.join(' OR ')})`;
}

/** How text may stand in a raw record: as it is, or inside a JSON string, whose writers differ in what they escape. */
function rawForms(text: string): string[] {
  const forms = [text, inJson(text)];
  // an escaped letter has no other case for SQL to find
  if (/[^ -~]/.test(text)) forms.push(...[text, text.toLowerCase(), text.toUpperCase()].map(inAsciiJson));
  return [...new Set(forms)];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function inAsciiJson(text: string): string {
  return inJson(text).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function literal(kind: 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp', { path, value }: FieldTerm): string {
  const wrong = (expected: string) =>
    new IngestError('lake.query', `search: ${path.join('.')} is ${expected}, and ${JSON.stringify(value)} is not`);
  if (kind === 'bool') {
    if (!/^(true|false)$/i.test(value)) throw wrong('true or false');
    return value.toLowerCase();
  }
  if (kind === 'timestamp') {
    const micros = parseTimeMicros(value);
    if (micros === undefined) throw wrong('a time such as 2026-01-31T05:00:00Z');
    return timestampLiteral(micros);
  }
  if (!/^-?\d{1,30}(\.\d{1,30})?$/.test(value)) throw wrong('a number');
  return value;
}
