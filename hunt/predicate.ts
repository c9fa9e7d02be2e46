/** One search term as SQL over one table. Pure. */
import type { z } from 'zod';
import { IngestError } from '../errors/ingest-error.ts';
import { name, quote, timestampLiteral } from '../lake/sql.ts';
import { columnType, type ColumnType } from '../tables/column.ts';
import { freeText } from './free-text.ts';
import { formsOf, meaningOf, type Meaning, refang } from './indicator.ts';
import { inNetwork } from './network.ts';
import { anyOf, likePieces, piecesOf } from './pattern.ts';
import type { Operator, Term } from './query.ts';
import { parseTimeMicros } from './time.ts';

/**
 * Undefined where the table has no such field: none of its rows can match.
 * `!=` finds exactly the rows that `=` does not, those without a value among them.
 * @throws IngestError `lake.query` where the value is none of the field's type
 */
export function predicate(columns: Readonly<Record<string, z.ZodType>>, term: Term): string | undefined {
  if (term.kind === 'text') return freeText(term);
  const [column = '', ...path] = term.path;
  const known = column.toLowerCase();
  const schema = Object.hasOwn(columns, known) ? columns[known] : undefined;
  if (schema === undefined) return undefined;
  const meaning = meaningOf(
    columns,
    term.path.map((field) => field.toLowerCase()),
  );
  const operator = term.operator === '!=' ? '=' : term.operator;
  const found = compare(name(known), columnType(schema), path, { ...term, operator, meaning }, 0);
  return found === undefined || term.operator !== '!=' ? found : `NOT coalesce(${found}, false)`;
}

type Comparison = Exclude<Operator, '!='>;
interface FieldTerm extends Extract<Term, { kind: 'field' }> {
  readonly operator: Comparison;
  readonly meaning: Meaning | undefined;
}

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
      return path.length === 0 ? undefined : untyped(`${value}[${quote(path.join('.'))}]`, term);
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

/** Numbers are compared as numbers, although `extra` holds text: `9` is below `80`, and `n/a` neither. */
function untyped(value: string, term: FieldTerm): string {
  return term.operator !== '=' && isNumber(term.value)
    ? `TRY_CAST(${value} AS DOUBLE) ${term.operator} ${term.value}`
    : textual(value, term);
}

/** Letters match in either case. */
function textual(column: string, { operator, value: wanted, meaning, path }: FieldTerm): string {
  const value = meaning?.kind === 'message_id' ? `trim(${column}, '<>')` : column;
  if (operator !== '=') return `lower(${value}) ${operator} lower(${quote(wanted)})`;
  if (meaning?.kind === 'ip' && wanted.includes('/')) {
    const found = inNetwork(value, refang(wanted));
    if (found === undefined) throw wrong(path, wanted, 'an address or a network such as 192.0.2.0/24 or 2001:db8::/32');
    return found;
  }
  const forms = meaning === undefined ? [wanted] : formsOf(path.join('.'), wanted, meaning);
  return anyOf(
    forms.map((form) =>
      form.includes('*') ? likePieces(value, piecesOf(form)) : `lower(${value}) = lower(${quote(form)})`,
    ),
  );
}

function literal(kind: 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp', { path, value }: FieldTerm): string {
  if (kind === 'bool') {
    if (!/^(true|false)$/i.test(value)) throw wrong(path, value, 'true or false');
    return value.toLowerCase();
  }
  if (kind === 'timestamp') {
    const micros = parseTimeMicros(value);
    if (micros === undefined) throw wrong(path, value, 'a time such as 2026-01-31T05:00:00Z');
    return timestampLiteral(micros);
  }
  if (!isNumber(value)) throw wrong(path, value, 'a number');
  return value;
}

function isNumber(text: string): boolean {
  return /^-?\d{1,30}(\.\d{1,30})?$/.test(text);
}

function wrong(path: readonly string[], value: string, expected: string): IngestError {
  return new IngestError('lake.query', `search: ${path.join('.')} is ${expected}, and ${JSON.stringify(value)} is not`);
}
