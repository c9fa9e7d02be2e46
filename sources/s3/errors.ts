/** The one place where what an S3 store, its SDK and the network say becomes an IngestError. */
import { S3ServiceException } from '@aws-sdk/client-s3';
import { IngestError, type ErrorCode } from '../../errors/ingest-error.ts';

export interface FailedCall {
  readonly bucket: string;
  /** Undefined where the bucket was listed. */
  readonly key?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; the codes that HTTP statuses alone would not tell apart. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['InvalidAccessKeyId', 's3.unauthorized'],
  ['SignatureDoesNotMatch', 's3.unauthorized'],
  ['ExpiredToken', 's3.unauthorized'],
  ['InvalidToken', 's3.unauthorized'],
  ['NoSuchBucket', 's3.bucket_missing'],
  ['PermanentRedirect', 's3.bucket_missing'],
  ['AuthorizationHeaderMalformed', 's3.bucket_missing'],
  ['NoSuchKey', 's3.object_missing'],
  // It lies in an archive class, and cannot be read until it is restored.
  ['InvalidObjectState', 's3.object_archived'],
  ['SlowDown', 's3.unavailable'],
  ['RequestTimeout', 's3.unavailable'],
  ['TimeoutError', 's3.unavailable'],
  // The SDK sets its time by the store's and asks again: what is left will pass.
  ['RequestTimeTooSkewed', 's3.unavailable'],
  ['RequestExpired', 's3.unavailable'],
]);

/** What to throw for an error of the SDK or the socket. A caller's abort is no failure of the store: its reason is returned as it is. */
export function castS3Error(error: unknown, { bucket, key, signal }: FailedCall): unknown {
  if (error instanceof IngestError) return error;
  if (signal?.aborted === true) return signal.reason;
  const place = `s3://${bucket}/${key ?? ''}`;
  if (!(error instanceof Error)) return new IngestError('s3.unreachable', `S3: ${place}: unknown error`);
  if (error instanceof S3ServiceException) {
    const status = error.$metadata.httpStatusCode;
    const answer = `${error.name} (${status})`;
    if (isKmsDenial(error)) return new IngestError('s3.kms_denied', `S3: ${answer} of KMS for ${place}`);
    if (isCustomerKey(error)) {
      return new IngestError('s3.object_refused', `S3: ${answer}: ${place} is encrypted with a customer key (SSE-C)`);
    }
    // The SDK's error is no cause here: it carries the request's headers and the access key's id.
    return new IngestError(
      codes.get(error.name) ?? codeOfStatus(status, key),
      `S3: ${answer} for ${place}${clockWords(error.name)}`,
    );
  }
  if (isWithoutCredentials(error)) {
    return new IngestError('s3.no_credentials', `S3: the AWS chain of the worker gave no credentials for ${place}`, {
      cause: error,
    });
  }
  const code = codes.get(error.name);
  if (code !== undefined) return new IngestError(code, `S3: ${error.name} for ${place}`, { cause: error });
  const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return new IngestError('s3.unreachable', `S3: ${place} cannot be reached (${reason})`, { cause: error });
}

/** What to throw where a role could not be assumed. The external id and the keys are in no message of the service, and none here. */
export function castStsError(error: unknown, roleArn: string): IngestError {
  if (error instanceof IngestError) return error;
  if (!(error instanceof Error)) return new IngestError('s3.unreachable', `STS: ${roleArn}: unknown error`);
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status === undefined) {
    if (isWithoutCredentials(error)) {
      return new IngestError('s3.no_credentials', `STS: there are no credentials for ${roleArn}`, { cause: error });
    }
    const cast = castS3Error(error, { bucket: '' });
    const code = cast instanceof IngestError ? cast.code : 's3.unreachable';
    const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
    return new IngestError(code, `STS: no answer for ${roleArn} (${reason})`, { cause: error });
  }
  // The SDK's error is no cause here: it carries the request's headers.
  return new IngestError(
    stsCode(error.name, status),
    `STS: ${error.name} (${status}) for ${roleArn}${clockWords(error.name)}`,
  );
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
function stsCode(name: string, status: number): ErrorCode {
  if (name === 'InvalidClientTokenId' || name === 'MissingAuthenticationToken') return 's3.unauthorized';
  const code = codes.get(name);
  if (code === 's3.unauthorized' || code === 's3.unavailable') return code;
  if (name.startsWith('Throttling') || status === 429 || status >= 500 || status < 300) return 's3.unavailable';
  return 's3.role_refused';
}

/** The right to read the object is not the right to its key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html */
function isKmsDenial({ name, message }: S3ServiceException): boolean {
  return name.startsWith('KMS.') || (name === 'AccessDenied' && /\bkms:/i.test(message));
}

/** The answer to a read without the customer's key: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html */
function isCustomerKey({ message, $metadata }: S3ServiceException): boolean {
  return $metadata.httpStatusCode === 400 && /server.side encryption/i.test(message);
}

/**
 * A link of the chain failed, by the mark that each of its errors has, and no other gave any. Where a task's, pod's or machine's identity
 * does not answer for a moment, the chain says the same as where there is none at all.
 */
function isWithoutCredentials(error: Error): boolean {
  return 'tryNextLink' in error;
}

function clockWords(name: string): string {
  return name === 'RequestTimeTooSkewed' || name === 'RequestExpired'
    ? ': the clock of the worker or the store is off'
    : '';
}

function codeOfStatus(status: number | undefined, key: string | undefined): ErrorCode {
  if (status === 401) return 's3.unauthorized';
  if (status === 403) return 's3.forbidden';
  if (status === 404 && key !== undefined) return 's3.object_missing';
  // a range behind its end: it is shorter than it was
  if (status === 412 || status === 416) return 's3.object_changed';
  if (status === 429 || status === undefined || status >= 500 || status < 300) return 's3.unavailable';
  return key === undefined || status < 400 ? 's3.bucket_missing' : 's3.object_refused';
}
