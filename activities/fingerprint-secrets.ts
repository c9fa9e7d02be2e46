/** Tells whether the secrets of a source have changed, without telling what they are. */
import { createHmac } from 'node:crypto';
import { IngestError } from '../errors/ingest-error.ts';
import { resolveSecret } from '../sources/secrets.ts';
import type { FingerprintSecretsInput } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';

export function createFingerprintSecrets({ secrets }: Dependencies) {
  /** Eight hex digits: enough to see a change, too few to find a secret by, and different for each source. `missing` where one is not there. */
  return async function fingerprintSecrets({ tenantId, sourceId, settings }: FingerprintSecretsInput): Promise<string> {
    const references =
      settings.kind === 'tap'
        ? [settings.principal, settings.secret]
        : [settings.accessKeyId, settings.secretAccessKey, settings.assumeRole?.externalId];
    const hash = createHmac('sha256', `${tenantId}/${sourceId}`);
    try {
      for (const reference of references) {
        if (reference !== undefined) hash.update(await resolveSecret(reference, secrets)).update('\0');
      }
    } catch (error) {
      if (error instanceof IngestError) return 'missing';
      throw error;
    }
    return hash.digest('hex').slice(0, 8);
  };
}
