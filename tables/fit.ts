/** Whether a source value fits a column, and the value it then has there. Vendors write the same field as text, number, boolean, or a list of one. */
import type { ColumnType } from './column.ts';
import { parseIsoMicros } from './time.ts';

/** Text to text before it is fitted, such as the removal of `<>`. */
export type Clean = (text: string) => string;

/**
 * The column's value; null where the source holds none (null, empty text, empty list for a single value); undefined where it does not fit.
 * A single value that comes as a list is its first element: the caller keeps the rest.
 */
export function fit(value: unknown, type: ColumnType, clean?: Clean): unknown {
  if (value === null) return null;
  if (type.kind === 'list') return fitList(value, type.item, clean);
  if (Array.isArray(value)) return value.length === 0 ? null : fitScalar(value[0], type, clean);
  return fitScalar(value, type, clean);
}

function fitScalar(value: unknown, type: ColumnType, clean?: Clean): unknown {
  if (typeof value === 'string') return fitText(value, type, clean);
  if (typeof value === 'number') return fitNumber(value, type);
  if (typeof value === 'boolean')
    return type.kind === 'bool' ? value : type.kind === 'text' ? String(value) : undefined;
  return value === null ? null : undefined;
}

function fitList(value: unknown, item: ColumnType, clean?: Clean): unknown {
  if (!Array.isArray(value)) {
    const only = fitScalar(value, item, clean);
    return only === undefined || only === null ? only : [only];
  }
  const fitted: unknown[] = [];
  for (const element of value) {
    const one = fitScalar(element, item, clean);
    if (one === undefined) return undefined;
    if (one !== null) fitted.push(one);
  }
  return fitted;
}

function fitNumber(value: number, { kind }: ColumnType): unknown {
  if (kind === 'text') return String(value);
  // JSON has numbers, such as 1e999, that are none here
  if (kind === 'float64') return Number.isFinite(value) ? value : undefined;
  // `| 0` is the identity on exactly the 32-bit integers; adding 0 makes -0 a 0
  const whole = kind === 'int32' ? (value | 0) === value : kind === 'int64' && Number.isSafeInteger(value);
  return whole ? value + 0 : undefined;
}

/** As `fit`, for text: numbers and times are read from it. Empty text is no value. */
export function fitText(value: string, type: ColumnType, clean?: Clean): unknown {
  const text = clean === undefined ? value : clean(value);
  if (text === '') return null;
  switch (type.kind) {
    case 'text':
      return text;
    case 'int32':
    case 'int64':
    case 'float64':
      return isNumeral(text) ? fitNumber(Number(text), type) : undefined;
    case 'bool':
      if (text === 'true' || text === 'True') return true;
      return text === 'false' || text === 'False' ? false : undefined;
    case 'timestamp':
      return parseIsoMicros(text);
    case 'map':
    case 'bytes':
    case 'list':
    case 'struct':
      return undefined;
  }
}

/** An optional sign, digits, and at most one point. Whether it is exact as an integer is seen afterwards. */
function isNumeral(text: string): boolean {
  if (text.length > 40) return false;
  let points = 0;
  for (let at = text.charCodeAt(0) === 45 ? 1 : 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 46) points++;
    else if (code < 48 || code > 57) return false;
  }
  const last = text.charCodeAt(text.length - 1);
  return points <= 1 && last >= 48 && last <= 57;
}
