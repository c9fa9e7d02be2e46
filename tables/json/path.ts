/** Paths into a record as they stand in `extra`: `messageParts[0].newField`, and `["odd.key"]` for keys that could be mistaken for a path. */

export function keyPath(parent: string, key: string): string {
  if (!isPlain(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

export function itemPath(parent: string, index: number): string {
  return `${parent}[${index}]`;
}

function isPlain(key: string): boolean {
  return key !== '' && !key.includes('.') && !key.includes('[') && !key.includes(']') && !key.includes('"');
}
