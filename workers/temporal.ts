/** How this service reaches Temporal: the SDK's environment configuration (TLS, API keys, profiles in a TOML file), then our own address and namespace. */
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection } from '@temporalio/worker';
import { IngestError } from '../errors/ingest-error.ts';
import type { Config } from './config.ts';

function connectOptions({ temporal }: Config) {
  const profile = loadClientConnectConfig();
  return {
    connection: {
      ...profile.connectionOptions,
      address: temporal.address ?? profile.connectionOptions.address ?? '127.0.0.1:7233',
    },
    namespace: temporal.namespace ?? profile.namespace ?? 'default',
  };
}

/**
 * A client for commands; close its connection.
 * @throws IngestError `temporal.unreachable`
 */
export async function connectClient(config: Config): Promise<Client> {
  const { connection, namespace } = connectOptions(config);
  try {
    return new Client({ connection: await Connection.connect({ ...connection, connectTimeout: '5s' }), namespace });
  } catch (error) {
    throw unreachable(connection.address, error);
  }
}

/** @throws IngestError `temporal.unreachable` */
export async function connectWorker(config: Config): Promise<{ connection: NativeConnection; namespace: string }> {
  // commands, which need the client alone, start twice as fast without it
  const { NativeConnection } = await import('@temporalio/worker');
  const { connection, namespace } = connectOptions(config);
  try {
    return { connection: await NativeConnection.connect(connection), namespace };
  } catch (error) {
    throw unreachable(connection.address, error);
  }
}

function unreachable(address: string, cause: unknown): IngestError {
  return new IngestError('temporal.unreachable', `temporal: no server answers at ${address}`, { cause });
}
