/** What is done to the lake, tried again when another was first, and the cast of its errors. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { IngestError } from '../errors/ingest-error.ts';

/** So often something is tried. */
const attemptsMax = 25;

/**
 * Runs `work` in a transaction and commits it. `work` may run several times, each time on a newer snapshot.
 * @throws IngestError `lake.conflict` when every attempt lost, `lake.unavailable` when catalog or store fail
 */
export async function inTransaction<T>(
  connection: DuckDBConnection,
  work: () => Promise<T>,
  attempts = attemptsMax,
): Promise<T> {
  return untilFirst(async () => {
    try {
      await connection.run('BEGIN');
      const result = await work();
      await connection.run('COMMIT');
      return result;
    } catch (error) {
      // a failed COMMIT has already rolled back
      await connection.run('ROLLBACK').catch(() => undefined);
      throw castLakeError(error);
    }
  }, attempts);
}

/** Runs `work` again where somebody else was first; throws its last error. */
export async function untilFirst<T>(work: () => Promise<T>, attempts = attemptsMax): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const cast = castLakeError(error);
      if (!(cast instanceof IngestError) || cast.code !== 'lake.conflict' || attempt >= attempts) throw error;
      await sleep(Math.random() * Math.min(1000, 20 * 2 ** attempt));
    }
  }
}

/** How DuckLake, SQLite and Postgres say that another transaction was first. */
const conflict =
  /transaction conflict|write-write conflict|database is locked|database is busy|could not serialize|deadlock detected|duplicate key value|(relation|table) \S+ already exists|UNIQUE constraint failed|PRIMARY KEY constraint|Exceeded the maximum retry count/i;
/** Appenders leave the kind of error out. */
const memory = /^Out of Memory Error|(failed to|could not) (pin|allocate) block/;
const outage =
  /connection|could not connect|server closed|timed? ?out|No space left|HTTP (Error|GET|PUT)|IO Error|Unable to connect|terminat|Failed to execute query "ROLLBACK"/i;

/** The one cast of DuckDB's errors. What is neither conflict nor outage is a defect and stays as it is. */
export function castLakeError(error: unknown): unknown {
  if (error instanceof IngestError || !(error instanceof Error)) return error;
  if (conflict.test(error.message)) {
    return new IngestError('lake.conflict', 'lake: another commit was first', { cause: error });
  }
  if (memory.test(error.message)) {
    return new IngestError('lake.memory', "lake: DuckDB's memory does not suffice", { cause: error });
  }
  if (outage.test(error.message)) {
    return new IngestError('lake.unavailable', 'lake: catalog or data store failed', { cause: error });
  }
  return error;
}

/** What DuckDB refuses as a statement: its words repeat the statement's, which may be any. */
const refusal = /^(Binder|Parser|Catalog|Conversion|Invalid Input) Error:/;

/** A reader's statement is the reader's own text, so DuckDB's words about it are shown. */
export function castReadError(error: unknown): unknown {
  const isRefused = error instanceof Error && refusal.test(error.message);
  const cast = isRefused ? error : castLakeError(error);
  if (cast instanceof IngestError || !(cast instanceof Error)) return cast;
  return new IngestError('lake.query', `lake: ${cast.message}`, { cause: error });
}
