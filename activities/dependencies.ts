/** What activities work with: made once per worker, closed with it. */
import type { Lake } from '../lake/lake.ts';
import type { Landing } from '../lake/landing.ts';
import { createObjectStore, type ObjectStore } from '../sources/s3/client.ts';
import type { ObjectLimits } from '../sources/s3/compression.ts';
import { assumeRole, type AwsCredentials, type AwsKeys } from '../sources/s3/credentials.ts';
import { createQueue, type MessageQueue } from '../sources/s3/queue.ts';
import { resolveSecret } from '../sources/secrets.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import type { TapClient } from '../sources/tap/client.ts';

export interface Dependencies {
  readonly lake: Lake;
  readonly landing: Landing;
  readonly tap: TapClient;
  /** The stores of S3 sources, each with its own connections. */
  readonly stores: ObjectStores;
  /** The queues that say what was uploaded. */
  readonly queues: MessageQueues;
  readonly objectLimits: ObjectLimits;
  readonly secrets: NodeJS.ProcessEnv;
  /** For downloads on their way to landing. */
  readonly spillDirectory: string;
}

export async function tapCredentials(settings: TapSettings, secrets: NodeJS.ProcessEnv) {
  return {
    principal: await resolveSecret(settings.principal, secrets),
    secret: await resolveSecret(settings.secret, secrets),
  };
}

/** What the AWS clients of a source need. */
type AwsAccess = Pick<S3Settings, 'bucket' | 'region' | 'accessKeyId' | 'secretAccessKey' | 'assumeRole'>;

interface AwsAccessOptions {
  readonly secrets: NodeJS.ProcessEnv;
  readonly allowPrivateEndpoints: boolean;
}

interface ResolvedAccess {
  readonly keys: AwsKeys | undefined;
  readonly externalId: string | undefined;
}

async function resolveAccess(settings: AwsAccess, secrets: NodeJS.ProcessEnv): Promise<ResolvedAccess> {
  const { accessKeyId, secretAccessKey } = settings;
  const externalId = settings.assumeRole?.externalId;
  return {
    keys:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : {
            accessKeyId: await resolveSecret(accessKeyId, secrets),
            secretAccessKey: await resolveSecret(secretAccessKey, secrets),
          },
    externalId: externalId === undefined ? undefined : await resolveSecret(externalId, secrets),
  };
}

function credentialsOf(
  { bucket, region, assumeRole: role }: AwsAccess,
  { keys, externalId }: ResolvedAccess,
  { allowPrivateEndpoints }: AwsAccessOptions,
): AwsCredentials | undefined {
  if (role === undefined) return keys;
  return assumeRole({
    roleArn: role.roleArn,
    externalId,
    endpoint: role.endpoint,
    region,
    sessionName: `proofpoint-ingest-${bucket}`,
    masterKeys: keys,
    allowPrivateEndpoints,
  });
}

/** A queue, and the source whose credentials read it. */
export interface QueueAccess {
  readonly queueUrl: string;
  readonly region: string;
  readonly reader: AwsAccess;
}

export interface MessageQueues {
  /** @throws IngestError `secret.missing`, `config.endpoint_refused` */
  of(access: QueueAccess): Promise<MessageQueue>;
  close(): void;
}

export function createMessageQueues(options: AwsAccessOptions): MessageQueues {
  const queues = createPool<MessageQueue>();
  return {
    async of({ queueUrl, region, reader }) {
      const access = await resolveAccess(reader, options.secrets);
      return queues.of([queueUrl, region, access, reader.assumeRole], () =>
        createQueue({
          queueUrl,
          region,
          credentials: credentialsOf(reader, access, options),
          allowPrivateEndpoints: options.allowPrivateEndpoints,
        }),
      );
    },
    close: () => queues.close(),
  };
}

/** Clients by what they were made of: a rotated key is another client, because the old one's connections carry the old signature. */
function createPool<T extends { close(): void }>() {
  const clients = new Map<string, T>();
  return {
    of(identity: readonly unknown[], create: () => T): T {
      const key = JSON.stringify(identity);
      const known = clients.get(key) ?? create();
      clients.set(key, known);
      return known;
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

export interface ObjectStores {
  /** @throws IngestError `secret.missing`, `config.endpoint_refused` */
  of(settings: S3Settings): Promise<ObjectStore>;
  close(): void;
}

export function createObjectStores(options: AwsAccessOptions): ObjectStores {
  const stores = createPool<ObjectStore>();
  return {
    async of(settings) {
      const { bucket, region, endpoint, requesterPays } = settings;
      const access = await resolveAccess(settings, options.secrets);
      return stores.of([bucket, region, endpoint, requesterPays, access, settings.assumeRole], () =>
        createObjectStore({
          bucket,
          region,
          endpoint,
          credentials: credentialsOf(settings, access, options),
          requesterPays,
          allowPrivateEndpoints: options.allowPrivateEndpoints,
        }),
      );
    },
    close: () => stores.close(),
  };
}
