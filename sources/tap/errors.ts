/** The one place where what TAP and the network say becomes an IngestError. */
import { errors as undiciErrors } from 'undici';
import { IngestError, type ErrorCode } from '../../errors/ingest-error.ts';

/** What of an error answer is needed to say what went wrong. */
export interface RefusedAnswer {
  /** Without credentials or query, as messages name it. */
  readonly place: string;
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of the body; quoted for 400 only, where the vendor says in plain text what it does not like. */
  readonly text: string;
  readonly nowMs: number;
}

/** https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API, "Response Codes" */
export function castTapStatus({ place, status, retryAfter, text, nowMs }: RefusedAnswer): IngestError {
  const reason = status === 400 ? quoted(text) : '';
  return new IngestError(codeOf(status, text), `TAP: ${status} from ${place}${reason}`, {
    retryAfterSeconds: status === 429 || status === 503 ? retryAfterSeconds(retryAfter, nowMs) : undefined,
  });
}

function codeOf(status: number, text: string): ErrorCode {
  if (status === 401) return 'tap.unauthorized';
  if (status === 403) return 'tap.forbidden';
  if (status === 429) return 'tap.throttled';
  if (status === 408 || status >= 500) return 'tap.unavailable';
  // Redirects are not followed, they would carry the credential elsewhere: the vendor's API sends none.
  if (status === 404 || (status >= 300 && status < 400)) return 'tap.not_found';
  if (status < 300) return 'tap.bad_body';
  // Known text: https://github.com/elastic/integrations/issues/11461
  if (status === 400 && /too far in(?:to)? the past/i.test(text)) return 'tap.too_far_back';
  return 'tap.bad_request';
}

function quoted(text: string): string {
  if (/^\s*</.test(text)) return '';
  const printable = text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
  return printable === '' ? '' : `: ${printable}`;
}

/** Throttling is counted over a rolling day, so nothing the vendor says can mean longer. */
const retryAfterSecondsMax = 86_400;

/** Seconds or an HTTP date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function retryAfterSeconds(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - nowMs) / 1000);
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(Math.max(seconds, 0), retryAfterSecondsMax);
}

export interface FailedRequest {
  readonly place: string;
  /** `asking` until the head of the answer is there, `reading` while its body comes. */
  readonly phase: 'asking' | 'reading';
  readonly signal: AbortSignal;
}

/**
 * What to throw for an error of undici, zlib or the socket. A caller's abort is no failure of the source: its reason is returned
 * as it is, except for a timeout (`AbortSignal.timeout`).
 */
export function castTapError(error: unknown, { place, phase, signal }: FailedRequest): unknown {
  if (error instanceof IngestError) return error;
  const cause: unknown = signal.aborted ? signal.reason : error;
  const timedOut =
    (cause instanceof DOMException && cause.name === 'TimeoutError') ||
    cause instanceof undiciErrors.HeadersTimeoutError ||
    cause instanceof undiciErrors.BodyTimeoutError;
  if (timedOut) return new IngestError('tap.unavailable', `TAP: ${place} did not answer in time`, { cause });
  if (signal.aborted) return cause;
  if (phase === 'reading') {
    return new IngestError('tap.bad_body', `TAP: the answer of ${place} was cut short (${codeOfError(cause)})`, {
      cause,
    });
  }
  return new IngestError('tap.unreachable', `TAP: ${place} cannot be reached (${codeOfError(cause)})`, { cause });
}

function codeOfError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
