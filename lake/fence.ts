/**
 * The fence: one row that each commit changes, so that of two commits at once one fails. DuckLake keeps the file of each change until its snapshot
 * expires, and looks at all of them with the next change: after 300,000, three days of a commit a second, each commit took 1.6 s more. So the table is
 * made anew now and then: a change of the old one fails as any other conflict does.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { creation, fenceTable } from './schema.ts';
import { inTransaction } from './transaction.ts';

/** Makes this transaction fail if another one commits first. */
export async function raiseFence(connection: DuckDBConnection): Promise<void> {
  await connection.run('UPDATE lake.fence SET commits = commits + 1');
}

/** After so many commits the table is made anew. */
const commitsMax = 1000;

/** Whether it did: not while the table is young. @throws IngestError `lake.conflict`, `lake.unavailable` */
export async function renewFence(connection: DuckDBConnection, commits = commitsMax): Promise<boolean> {
  if ((await countCommits(connection)) < commits) return false;
  const attempts = 3;
  return inTransaction(
    connection,
    async () => {
      // asked again inside: another process may have been first
      if ((await countCommits(connection)) < commits) return false;
      await connection.run(`DROP TABLE lake.${fenceTable.name}`);
      for (const statement of creation(fenceTable)) await connection.run(statement);
      return true;
    },
    attempts,
  );
}

async function countCommits(connection: DuckDBConnection): Promise<number> {
  const counted = await connection.runAndReadAll('SELECT commits FROM lake.fence');
  return Number(counted.getRows()[0]?.[0]);
}
