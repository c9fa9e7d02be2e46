/** Why lake or landing failed, in the words of what failed: for whoever runs them, in logs and on the command line. Never for histories. */
import { IngestError, type ErrorCode } from './ingest-error.ts';

/** Those of others quote what they were given: records, requests, statements. */
const toldCodes: ReadonlySet<ErrorCode> = new Set(['lake.unavailable', 'lake.memory', 'landing.unavailable']);
/** These are about values, which they quote. */
const quotesValues = /^(Conversion|Constraint|Invalid Input|Binder|Parser|Out of Range|Catalog) Error/;
const longestReason = 500;

/** The words of the innermost cause, in one line and without credentials and data; undefined where there are none. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof IngestError) || !toldCodes.has(error.code)) return undefined;
  let inner = error.cause;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (!(inner instanceof Error) || inner.message === '' || quotesValues.test(inner.message)) return undefined;
  return withoutCredentials(withoutStatement(inner.message)).replaceAll(/\s+/g, ' ').trim().slice(0, longestReason);
}

/** DuckLake quotes the statement that the catalog refused, which has the least and greatest value of each column; Postgres adds the row. */
function withoutStatement(text: string): string {
  return text
    .replace(/Failed to execute query "[^]*"/, 'Failed to execute a query')
    .replace(/\s(DETAIL|CONTEXT|HINT|QUERY|STATEMENT|LINE \d+):[^]*$/, '');
}

/**
 * DuckDB and libpq quote the connection string, whole or, where they cannot read it, in pieces.
 * Forms: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 */
function withoutCredentials(text: string): string {
  if (/connection info string|invalid (URI|percent-encoded|integer value)|missing "="/i.test(text))
    return 'the connection string is none that libpq can read';
  return (
    text
      .replaceAll(/\b(password|passfile|sslpassword)\s*=\s*('(?:\\.|[^'\\])*'|(?:\\.|[^\s"\\])+)/gi, '$1=…')
      .replaceAll(/(\w:\/\/[^\s:@/"]*):[^"\n]*@/g, '$1:…@')
      // of a password with an @, libpq takes the rest for the host
      .replaceAll(/(host name ")[^"]*@/g, '$1…@')
  );
}
