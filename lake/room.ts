/** More memory for DuckDB while it commits very long records. */
import type { DuckDBConnection } from '@duckdb/node-api';

/** On its way into a file a record lies in memory about so many times: as staged, as read, in columns, in the writer's pages. */
const copiesMax = 16;

/** Runs `work` with room for records of that length, if need be beyond the limit that is configured. */
export async function withRoomFor<T>(
  connection: DuckDBConnection,
  { longestBytes, memoryMegabytes }: { longestBytes: number; memoryMegabytes: number },
  work: () => Promise<T>,
): Promise<T> {
  const neededMegabytes = Math.ceil((longestBytes * copiesMax) / 1e6);
  if (neededMegabytes <= memoryMegabytes) return work();
  await setLimit(connection, neededMegabytes);
  try {
    return await work();
  } finally {
    // refused while more than that is in use: then the next such commit sets it back
    await setLimit(connection, memoryMegabytes).catch(() => undefined);
  }
}

async function setLimit(connection: DuckDBConnection, megabytes: number): Promise<void> {
  await connection.run(`SET memory_limit = '${megabytes}MB'`);
}
