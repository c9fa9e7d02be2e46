/** What the AWS clients of a source sign with: its own keys, the AWS chain, or a role that either may assume. */
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { checkEndpoint, publicLookup } from '../endpoint.ts';
import { castStsError } from './errors.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Keys, or what gives them and is asked again when they expire, as the AWS clients take it. */
export type AwsCredentials = AwsKeys | (() => Promise<AwsKeys>);

export interface AssumeRole {
  readonly roleArn: string;
  /** The value itself. */
  readonly externalId: string | undefined;
  /** Of a token service that is not AWS. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** What the calls are found by in the trail of the role's account. */
  readonly sessionName: string;
  /** Those that may assume the role; default: the AWS chain. */
  readonly masterKeys: AwsKeys | undefined;
  readonly allowPrivateEndpoints: boolean;
}

/**
 * Asks the token service at the first call that is signed, not before. The function returned throws IngestError `s3.role_refused`,
 * `s3.unauthorized`, `s3.no_credentials`, `s3.unavailable`, `s3.unreachable`, `config.endpoint_refused`.
 * @throws IngestError `config.endpoint_refused`
 */
export function assumeRole({
  roleArn,
  externalId,
  endpoint,
  region,
  sessionName,
  masterKeys,
  allowPrivateEndpoints,
}: AssumeRole): () => Promise<AwsKeys> {
  if (endpoint !== undefined) checkEndpoint(endpoint, { allowPrivateEndpoints });
  const guarded = endpoint !== undefined && !allowPrivateEndpoints;
  const provider = fromTemporaryCredentials({
    ...(masterKeys === undefined ? {} : { masterCredentials: masterKeys }),
    params: {
      RoleArn: roleArn,
      // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: letters, digits and =,.@- up to 64
      RoleSessionName: sessionName.replaceAll(/[^\w+=,.@-]/g, '-').slice(0, 64),
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
    },
    clientConfig: {
      region,
      // as for the requests that are signed with what it gives
      ignoreConfiguredEndpointUrls: true,
      ...(endpoint === undefined ? {} : { endpoint }),
      requestHandler: {
        connectionTimeout: 10_000,
        socketTimeout: 30_000,
        ...(guarded ? { httpsAgent: { lookup: publicLookup } } : {}),
      },
    },
  });
  return async () => {
    try {
      return await provider();
    } catch (error) {
      throw castStsError(error, roleArn);
    }
  };
}
