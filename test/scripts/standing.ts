/** A Temporal server, and a worker whose sources and backfills stand as they are told to: see standing-sources.ts. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { startTemporalServer } from '../../scripts/stack/temporal-server.ts';
import { sourceIdKey, tenantIdKey } from '../../workflows/search-attributes.ts';
import { type SourceStatus, workflowIdOf } from '../../workflows/source-state.ts';

export const standingQueue = 'standing';
/** No worker is there. */
export const silentQueue = 'nobody';

export interface Standing {
  readonly client: Client;
  /** The environment in which commands see the server. */
  readonly env: Record<string, string>;
  stand(status: SourceStatus, taskQueue?: string): Promise<void>;
  /** Every workflow there is, running or not. */
  readonly workflows: () => Promise<string[]>;
  close(): Promise<void>;
}

export async function startStanding(dataDir: string): Promise<Standing> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  const server = await startTemporalServer({ uiPort: 'none', logFile: join(dataDir, 'temporal.log') });
  const client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const connection = await NativeConnection.connect({ address: server.address });
  const worker = await Worker.create({
    connection,
    taskQueue: standingQueue,
    workflowsPath: fileURLToPath(new URL('standing-sources.ts', import.meta.url)),
  });
  const running = worker.run();
  return {
    client,
    env: { TEMPORAL_ADDRESS: server.address, DATA_DIR: dataDir },
    async stand(status, taskQueue = standingQueue) {
      const { tenantId, sourceId } = status;
      await client.workflow.start('tapSource', {
        workflowId: workflowIdOf(status),
        taskQueue,
        args: [status],
        typedSearchAttributes: [
          { key: tenantIdKey, value: tenantId },
          { key: sourceIdKey, value: sourceId },
        ],
      });
    },
    async workflows() {
      const found: string[] = [];
      for await (const { workflowId, status } of client.workflow.list()) found.push(`${workflowId} ${status.name}`);
      return found.toSorted();
    },
    async close() {
      worker.shutdown();
      await running;
      await connection.close();
      await client.connection.close();
      await server.close();
    },
  };
}
