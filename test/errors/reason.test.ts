import { describe, expect, it } from 'vitest';
import { IngestError } from '../../errors/ingest-error.ts';
import { reasonOf } from '../../errors/reason.ts';

const unavailable = (message: string) =>
  new IngestError('lake.unavailable', 'lake: it failed', { cause: new Error('outer', { cause: new Error(message) }) });

describe('the reason of an error', () => {
  it('is what the innermost cause says, in one line', () => {
    expect(reasonOf(unavailable('IO Error:\n  No space\tleft on device'))).toBe('IO Error: No space left on device');
    expect(reasonOf(unavailable('x'.repeat(2000)))).toHaveLength(500);
  });

  it.each([
    'Unable to connect to Postgres at "host=db password=hunter2 user=lake": FATAL',
    `Unable to connect to Postgres at "password = 'hunter2 and \\' more' user=lake": FATAL`,
    'Unable to connect to Postgres at "postgresql://lake:hunter2@db/lake": FATAL',
    'missing "=" after "hunter2" in connection info string',
    'invalid percent-encoded token: "hunter2%"',
    'Unable to connect to Postgres at "postgresql://lake:a@hunter2@db/lake": could not translate host name "hunter2@db"',
    'Unable to connect to Postgres at "postgresql://lake:a hunter2@db/lake": FATAL',
    String.raw`Unable to connect to Postgres at "password=a\ hunter2 host=db": FATAL`,
  ])('holds no password: %s', (message) => {
    const reason = reasonOf(unavailable(message));
    expect(reason).toMatch(/./);
    expect(reason).not.toContain('hunter2');
    expect(reason).not.toContain('more');
  });

  it('holds no value of a record: the catalog is told the least and greatest of each column', () => {
    const query = `INSERT INTO stats VALUES (1, 'hunter2@a.example', 'say "more"')`;
    const failed = `TransactionContext Error: Failed to commit: Failed to execute query "${query}": No space left on device`;
    expect(reasonOf(unavailable(failed))).toBe(
      'TransactionContext Error: Failed to commit: Failed to execute a query: No space left on device',
    );
    expect(reasonOf(unavailable('server closed\nDETAIL:  Failing row contains (hunter2).'))).toBe('server closed');
    expect(reasonOf(unavailable('Conversion Error: Could not convert "terminated connection"'))).toBeUndefined();
  });

  it('is not told where others may quote records or requests, and where there is none', () => {
    const cause = new Error('Unexpected token in {"sender":"a@example.com"}');
    expect(reasonOf(new IngestError('tap.bad_body', 'x', { cause }))).toBeUndefined();
    expect(reasonOf(new IngestError('lake.unavailable', 'x'))).toBeUndefined();
    expect(reasonOf(cause)).toBeUndefined();
  });
});
