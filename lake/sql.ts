/** SQL text from values. Pure. */

/** A string literal. */
export function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** An identifier. */
export function name(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** `('a', 'b')` for IN; never empty, because `IN ()` is not SQL. */
export function inList(values: Iterable<string>): string {
  const quoted = Array.from(values, quote);
  return `(${quoted.length === 0 ? 'NULL' : quoted.join(', ')})`;
}

/** A timestamp literal of microseconds since 1970 UTC. */
export function timestampLiteral(micros: number | bigint): string {
  return `make_timestamp(${micros})`;
}
