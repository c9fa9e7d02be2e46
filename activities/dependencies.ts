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

/** Where the credentials come from, without their values. */
function referencesOf({ accessKeyId, secretAccessKey, assumeRole: role }: AwsAccess) {
  return [accessKeyId, secretAccessKey, role];
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
      return queues.of([queueUrl, region, ...referencesOf(reader)], access, () =>
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

/** What goes on for so long with one client is rare, and reads on by a connection of its own when that is closed. */
const unaskedMs = 3_600_000;

interface Pooled<T> {
  readonly client: T;
  /** What its secrets were when it was made. */
  readonly access: string;
  readonly closing: NodeJS.Timeout;
}

/**
 * Clients by what they are for. A rotated secret makes another one in its place, because the old one signs with the old secret; it is closed, like
 * that of a source that is gone, when nobody has asked for it for an hour: requests may be under way until then.
 */
function createPool<T extends { close(): void }>() {
  const current = new Map<string, Pooled<T>>();
  const open = new Set<Pooled<T>>();

  function close(pooled: Pooled<T>): void {
    clearTimeout(pooled.closing);
    open.delete(pooled);
    pooled.client.close();
  }

  return {
    of(identity: readonly unknown[], resolved: ResolvedAccess, create: () => T): T {
      const [key, access] = [JSON.stringify(identity), JSON.stringify(resolved)];
      const known = current.get(key);
      if (known?.access === access) {
        known.closing.refresh();
        return known.client;
      }
      const client = create();
      const closing = setTimeout(() => {
        close(made);
        if (current.get(key) === made) current.delete(key);
      }, unaskedMs).unref();
      const made = { client, access, closing };
      open.add(made);
      current.set(key, made);
      return made.client;
    },
    close() {
      for (const pooled of open) close(pooled);
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
      return stores.of([bucket, region, endpoint, requesterPays, ...referencesOf(settings)], access, () =>
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
