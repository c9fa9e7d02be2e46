/** How the service reaches its own S3 store (landing and lake data). Customers' buckets are read with their own settings, see sources/s3. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

export interface S3Access {
  readonly region: string;
  /** S3-compatible servers; absent: AWS. */
  readonly endpoint?: string | undefined;
  /** Absent: AWS's default chain (environment, profile, instance role). */
  readonly credentials?: S3ClientConfig['credentials'];
}

/** Of the connection, and of a silence in the midst of an answer, milliseconds: a store that is cut off without a word would be waited for forever. */
const timeouts = { connectionTimeout: 10_000, socketTimeout: 120_000 };

export function createS3Client({ region, endpoint, credentials }: S3Access): S3Client {
  return new S3Client({
    region,
    // what AWS_ENDPOINT_URL says DuckDB would not hear of, which writes to the same store
    ignoreConfiguredEndpointUrls: true,
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestHandler: timeouts,
  });
}
