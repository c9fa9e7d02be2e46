/** One search term as SQL over one table. Pure. */
import { IngestError } from '../errors/ingest-error.ts';
import { name, quote } from '../lake/sql.ts';
import type { ColumnType } from '../tables/column.ts';
import type { Operator, Term } from './query.ts';

/** Undefined where the table has no such field: none of its rows can match. */
export function predicate(columns: ReadonlyMap<string, ColumnType>, term: Term): string | undefined {
  if (term.kind === 'text') return `contains(lower(raw), ${quote(term.text.toLowerCase())})`;
  const [column = '', ...path] = term.path;
  const type = columns.get(column);
  return type === undefined ? undefined : compare(name(column), type, path, term, 0);
}

type FieldTerm = Extract<Term, { kind: 'field' }>;

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
      const fieldType = type.fields[field];
      return fieldType === undefined ? undefined : compare(`${value}.${name(field)}`, fieldType, rest, term, depth);
    }
    case 'map':
      return path.length === 0 ? undefined : textual(`${value}[${quote(path.join('.'))}]`, term.operator, term.value);
    case 'text':
      return path.length === 0 ? textual(value, term.operator, term.value) : undefined;
    case 'bytes':
      return undefined;
    default:
      return path.length === 0 ? `${value} ${term.operator} ${literal(type.kind, term)}` : undefined;
  }
}

/** Letters match in either case; `*` stands for anything. */
function textual(value: string, operator: Operator, wanted: string): string {
  const lowered = wanted.toLowerCase();
  if ((operator === '=' || operator === '!=') && lowered.includes('*')) {
    const pattern = lowered.replaceAll(/[\\%_]/g, (character) => `\\${character}`).replaceAll('*', '%');
    return `lower(${value}) ${operator === '=' ? 'LIKE' : 'NOT LIKE'} ${quote(pattern)} ESCAPE '\\'`;
  }
  return `lower(${value}) ${operator} ${quote(lowered)}`;
}

function literal(kind: 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp', { path, value }: FieldTerm): string {
  const wrong = (expected: string) =>
    new IngestError('lake.query', `search: ${path.join('.')} is ${expected}, and ${JSON.stringify(value)} is not`);
  if (kind === 'bool') {
    if (value !== 'true' && value !== 'false') throw wrong('true or false');
    return value;
  }
  if (kind === 'timestamp') {
    const time = Date.parse(value);
    if (Number.isNaN(time)) throw wrong('a time such as 2026-01-31T05:00:00Z');
    return `make_timestamp(${time * 1000})`;
  }
  if (!/^-?\d+(\.\d+)?$/.test(value)) throw wrong('a number');
  return value;
}
