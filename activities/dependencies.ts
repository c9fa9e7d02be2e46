/** What activities work with: made once per worker, closed with it. */
import type { Lake } from '../lake/lake.ts';
import type { Landing } from '../lake/landing.ts';
import { createObjectStore, type ObjectStore } from '../sources/s3/client.ts';
import type { ObjectLimits } from '../sources/s3/compression.ts';
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

export interface ObjectStores {
  /** @throws IngestError `secret.missing`, `config.endpoint_refused` */
  of(settings: S3Settings): Promise<ObjectStore>;
  close(): void;
}

export function createObjectStores(options: {
  secrets: NodeJS.ProcessEnv;
  allowPrivateEndpoints: boolean;
}): ObjectStores {
  const stores = new Map<string, ObjectStore>();
  return {
    async of({ bucket, region, endpoint, accessKeyId, secretAccessKey }) {
      const credentials =
        accessKeyId === undefined || secretAccessKey === undefined
          ? undefined
          : {
              accessKeyId: await resolveSecret(accessKeyId, options.secrets),
              secretAccessKey: await resolveSecret(secretAccessKey, options.secrets),
            };
      // A rotated key is another store: the old one's connections carry the old signature.
      const identity = JSON.stringify([bucket, region, endpoint, credentials]);
      const known = stores.get(identity);
      if (known !== undefined) return known;
      const store = createObjectStore({
        bucket,
        region,
        endpoint,
        credentials,
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
