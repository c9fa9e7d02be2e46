/** What activities work with: made once per worker, closed with it. */
import type { Lake } from '../lake/lake.ts';
import type { Landing } from '../lake/landing.ts';
import { createObjectStore, type ObjectStore } from '../sources/s3/client.ts';
import type { ObjectLimits } from '../sources/s3/compression.ts';
import { assumeRole, type AwsCredentials, type AwsKeys } from '../sources/s3/credentials.ts';
import { resolveSecret } from '../sources/secrets.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import type { TapClient } from '../sources/tap/client.ts';

export interface Dependencies {
  readonly lake: Lake;
  readonly landing: Landing;
  readonly tap: TapClient;
  /** The stores of S3 sources, each with its own connections. */
  readonly stores: ObjectStores;
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

/**
 * What the AWS clients of a source sign with; undefined for the AWS chain.
 * @throws IngestError `secret.missing`, `config.endpoint_refused`
 */
export async function awsCredentials(
  settings: AwsAccess,
  options: AwsAccessOptions,
): Promise<AwsCredentials | undefined> {
  return credentialsOf(settings, await resolveAccess(settings, options.secrets), options);
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

export interface ObjectStores {
  /** @throws IngestError `secret.missing`, `config.endpoint_refused` */
  of(settings: S3Settings): Promise<ObjectStore>;
  close(): void;
}

export function createObjectStores(options: AwsAccessOptions): ObjectStores {
  const stores = new Map<string, ObjectStore>();
  return {
    async of(settings) {
      const { bucket, region, endpoint, requesterPays } = settings;
      const access = await resolveAccess(settings, options.secrets);
      // A rotated key is another store: the old one's connections carry the old signature.
      const identity = JSON.stringify([bucket, region, endpoint, requesterPays, access, settings.assumeRole]);
      const known = stores.get(identity);
      if (known !== undefined) return known;
      const store = createObjectStore({
        bucket,
        region,
        endpoint,
        credentials: credentialsOf(settings, access, options),
        requesterPays,
        allowPrivateEndpoints: options.allowPrivateEndpoints,
      });
      stores.set(identity, store);
      return store;
    },
    close() {
      for (const store of stores.values()) store.close();
    },
  };
}
