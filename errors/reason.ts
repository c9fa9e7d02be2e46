/** Why lake or landing failed, in the words of what failed: for whoever runs them, in logs and on the command line. Never for histories. */
import { IngestError, type ErrorCode } from './ingest-error.ts';

/** Others quote what they were given: records, requests, statements. */
const toldCodes: ReadonlySet<ErrorCode> = new Set(['lake.unavailable', 'lake.memory', 'landing.unavailable']);
const longestReason = 500;

/** The words of the innermost cause, in one line and without credentials; undefined where there are none, or they may hold data. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof IngestError) || !toldCodes.has(error.code)) return undefined;
  let inner = error.cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error) || inner.message === '') return undefined;
  return withoutCredentials(inner.message).replaceAll(/\s+/g, ' ').trim().slice(0, longestReason);
}

/**
 * DuckDB and libpq quote the connection string, whole or, where they cannot read it, in pieces.
 * Forms: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 */
function withoutCredentials(text: string): string {
  if (/connection info string|invalid (URI|percent-encoded|integer value)|missing "="/i.test(text))
    return 'the connection string is none that libpq can read';
  return text
    .replaceAll(/\b(password|passfile|sslpassword)\s*=\s*('(?:\\.|[^'\\])*'|\S+)/gi, '$1=…')
    .replaceAll(/(\w:\/\/[^\s:@/]*):[^\s@]*@/g, '$1:…@');
}
