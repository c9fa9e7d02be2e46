/** The one place where what a queue, its SDK and the network say becomes an IngestError. */
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { type ErrorCode, IngestError } from '../../errors/ingest-error.ts';

export interface FailedQueueCall {
  readonly queueUrl: string;
  readonly signal?: AbortSignal | undefined;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html, with the names of both of its protocols. */
const codes: ReadonlyMap<string, ErrorCode> = new Map(
  Object.entries<ErrorCode>({
    QueueDoesNotExist: 'queue.missing',
    'AWS.SimpleQueueService.NonExistentQueue': 'queue.missing',
    InvalidAddress: 'queue.missing',
    InvalidClientTokenId: 'queue.denied',
    UnrecognizedClientException: 'queue.denied',
    InvalidAccessKeyId: 'queue.denied',
    SignatureDoesNotMatch: 'queue.denied',
    InvalidSignatureException: 'queue.denied',
    ExpiredToken: 'queue.denied',
    ExpiredTokenException: 'queue.denied',
    MissingAuthenticationToken: 'queue.denied',
    CredentialsProviderError: 'queue.denied',
    AccessDenied: 'queue.denied',
    AccessDeniedException: 'queue.denied',
    KmsAccessDenied: 'queue.denied',
    KmsDisabled: 'queue.denied',
    KmsInvalidKeyUsage: 'queue.denied',
    KmsInvalidState: 'queue.denied',
    KmsNotFound: 'queue.denied',
    KmsOptInRequired: 'queue.denied',
    OverLimit: 'queue.unavailable',
    RequestThrottled: 'queue.unavailable',
    Throttling: 'queue.unavailable',
    ThrottlingException: 'queue.unavailable',
    KmsThrottled: 'queue.unavailable',
  }),
);

/** A caller's abort is no failure of the queue: its reason is returned as it is. */
export function castQueueError(error: unknown, { queueUrl, signal }: FailedQueueCall): unknown {
  if (error instanceof IngestError) return error;
  if (signal?.aborted === true) return signal.reason;
  if (!(error instanceof Error)) return new IngestError('queue.unreachable', `SQS: ${queueUrl}: unknown error`);
  if (error instanceof SQSServiceException) {
    const status = error.$metadata.httpStatusCode;
    // The SDK's error is no cause here: it carries the request's headers and the access key's id.
    return new IngestError(
      codes.get(error.name) ?? codeOfStatus(status),
      `SQS: ${error.name} (${status}) for ${queueUrl}`,
    );
  }
  const code = codes.get(error.name) ?? 'queue.unreachable';
  const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return new IngestError(code, `SQS: ${queueUrl} gave no answer (${reason})`, { cause: error });
}

function codeOfStatus(status: number | undefined): ErrorCode {
  if (status === 401 || status === 403) return 'queue.denied';
  if (status === 404) return 'queue.missing';
  if (status === 429 || status === undefined || status >= 500 || status < 300) return 'queue.unavailable';
  return 'queue.missing';
}
