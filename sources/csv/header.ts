/** What a CSV header says of its rows: where in a JSON record each cell belongs. */
import { parsePath } from '../../tables/json/path.ts';
import { readCells } from './row.ts';

/** Writes a row's cells as the JSON text of a record; undefined where all are empty. */
export type RecordWriter = (cells: readonly string[]) => string | undefined;

/** The places of a record: a cell's index, or what stands below. */
type Place = number | Branch;

interface Branch {
  readonly kind: 'object' | 'array';
  readonly places: Map<string | number, Place>;
}

/** A word, a path such as `msgParts[0].sha256`, a heading such as `Message ID`; no sentence, no data. */
const name = /^[\p{L}_@][\p{L}\p{N}_@ .[\]"/()-]*$/u;

/** The names of a header; undefined where the line is none: a header has at least two. Empty names are left for `writerOf` to make up. */
export function readHeader(line: string): string[] | undefined {
  const names = readCells(line)?.map((cell) => cell.trim());
  if (names === undefined || names.filter((cell) => cell !== '').length < 2) return undefined;
  return names.every((cell) => cell === '' || name.test(cell)) ? names : undefined;
}

/**
 * A name that is a column of ours stands for its path; `columns` are those of the tables that the rows may be for, and the table
 * that knows most of the names is believed. A name whose place is taken, or that is no path, is a key as it stands, so that no cell
 * is lost. Cells that hold a JSON array or object stay one, empty cells are left out, others are text.
 */
export function writerOf(names: readonly string[], columns: readonly Readonly<Record<string, string>>[]): RecordWriter {
  const known = columns.toSorted((a, b) => countKnown(names, b) - countKnown(names, a))[0] ?? {};
  const root: Branch = { kind: 'object', places: new Map() };
  for (const [index, given] of names.entries()) {
    const path = Object.hasOwn(known, given) ? (known[given] ?? given) : given;
    const choices = [stepsOf(path), given === '' ? undefined : [given], [`${given} (column ${index + 1})`]];
    for (const steps of choices) if (steps !== undefined && plant(root, steps, index)) break;
  }
  return (cells) => write(root, cells);
}

/** Longer paths would only overflow the stack, and places farther back only make long lists of nothing. */
const stepsMax = 64;
const indexMax = 99;

function stepsOf(path: string): (string | number)[] | undefined {
  const steps = parsePath(path);
  if (steps === undefined || typeof steps[0] !== 'string' || steps.length > stepsMax) return undefined;
  return steps.every((step) => typeof step === 'string' || step <= indexMax) ? steps : undefined;
}

function countKnown(names: readonly string[], columns: Readonly<Record<string, string>>): number {
  return names.filter((given) => Object.hasOwn(columns, given)).length;
}

/** False, and nothing changed, where another cell is in the way. */
function plant(root: Branch, steps: readonly (string | number)[], index: number): boolean {
  let place: Place = root;
  let at = 0;
  let step = steps[at];
  while (step !== undefined) {
    if (typeof place === 'number' || place.kind !== kindOf(step)) return false;
    const below: Place | undefined = place.places.get(step);
    if (below === undefined) break;
    place = below;
    at += 1;
    step = steps[at];
  }
  if (step === undefined || typeof place === 'number') return false;
  let made: Place = index;
  for (const later of steps.slice(at + 1).toReversed())
    made = { kind: kindOf(later), places: new Map([[later, made]]) };
  place.places.set(step, made);
  return true;
}

function kindOf(step: string | number): Branch['kind'] {
  return typeof step === 'number' ? 'array' : 'object';
}

function write(place: Place, cells: readonly string[]): string | undefined {
  if (typeof place === 'number') return cellJson(cells[place] ?? '');
  const parts: string[] = [];
  for (const [step, below] of place.places) {
    const value = write(below, cells);
    if (value === undefined) continue;
    if (typeof step === 'string') parts.push(`${JSON.stringify(step)}:${value}`);
    else parts[step] = value;
  }
  if (parts.length === 0) return undefined;
  if (place.kind === 'object') return `{${parts.join(',')}}`;
  return `[${Array.from(parts, (part) => part ?? 'null').join(',')}]`;
}

function cellJson(cell: string): string | undefined {
  if (cell === '') return undefined;
  return /^\s*[[{]/.test(cell) && isJson(cell) ? cell : JSON.stringify(cell);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
