/** Paths into a record as they stand in `extra`: `messageParts[0].newField`, and `["odd.key"]` for keys that could be mistaken for a path. */

export function keyPath(parent: string, key: string): string {
  if (!isPlain(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

export function itemPath(parent: string, index: number): string {
  return `${parent}[${index}]`;
}

/** Of keys alone: list indexes are left out. */
export function pathOfKeys(keys: readonly string[]): string {
  let path = '';
  for (const key of keys) path = keyPath(path, key);
  return path;
}

/** An index, a quoted key, or a plain key, which has a dot before it unless it begins the path. */
const step = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|(\.?)([^.[\]"]+)/y;

/** The keys and indexes of a path made by the functions above; undefined for a text that is none. */
export function parsePath(path: string): (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  step.lastIndex = 0;
  let end = 0;
  for (let found = step.exec(path); found !== null; found = step.exec(path)) {
    const [, index, quoted, dot, plain = ''] = found;
    if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) {
      const key = unquoted(quoted);
      if (key === undefined) return undefined;
      steps.push(key);
    } else if ((dot === '.') === steps.length > 0) steps.push(plain);
    else return undefined;
    end = step.lastIndex;
  }
  return end === path.length && end > 0 ? steps : undefined;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isPlain(key: string): boolean {
  return key !== '' && !key.includes('.') && !key.includes('[') && !key.includes(']') && !key.includes('"');
}
