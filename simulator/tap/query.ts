/**
 * What a SIEM API request asks for, and the vendor's words where it asks wrongly. Pure.
 * Rules: https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API
 */
import { dayMs, hourMs } from '../world.ts';
import type { TapArray } from './events.ts';

/** Requests are throttled in two pools (https://github.com/elastic/integrations/issues/9969). */
export type TapPool = 'clicks/permitted' | 'shared';

export interface TapEndpoint {
  readonly arrays: readonly TapArray[];
  readonly pool: TapPool;
}

export const tapEndpoints: ReadonlyMap<string, TapEndpoint> = new Map([
  ['/v2/siem/clicks/blocked', { arrays: ['clicksBlocked'], pool: 'shared' }],
  ['/v2/siem/clicks/permitted', { arrays: ['clicksPermitted'], pool: 'clicks/permitted' }],
  ['/v2/siem/messages/blocked', { arrays: ['messagesBlocked'], pool: 'shared' }],
  ['/v2/siem/messages/delivered', { arrays: ['messagesDelivered'], pool: 'shared' }],
  ['/v2/siem/issues', { arrays: ['clicksPermitted', 'messagesDelivered'], pool: 'shared' }],
  [
    '/v2/siem/all',
    { arrays: ['messagesDelivered', 'messagesBlocked', 'clicksPermitted', 'clicksBlocked'], pool: 'shared' },
  ],
]);

export interface TapQuery {
  /** Half-open, milliseconds; the end is never in the future. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly format: 'json' | 'syslog';
  /** Empty: all types. */
  readonly threatTypes: readonly string[];
  readonly threatStatuses: readonly string[];
}

const defaultStatuses = ['active', 'cleared'] as const;

/** The query, or the text of the 400 answer. */
export function parseQuery(parameters: URLSearchParams, nowMs: number): TapQuery | string {
  const given = ['interval', 'sinceSeconds', 'sinceTime'].filter((name) => parameters.has(name));
  if (given.length !== 1) return 'Exactly one of the parameters interval, sinceSeconds and sinceTime is required';

  const format = (parameters.get('format') ?? 'syslog').toLowerCase();
  if (format !== 'json' && format !== 'syslog') return 'The requested format is not supported';
  const threatTypes = parameters.getAll('threatType');
  if (!threatTypes.every((type) => ['url', 'attachment', 'messageText'].includes(type)))
    return 'The requested threatType is not valid';
  const threatStatuses = parameters.getAll('threatStatus');
  if (!threatStatuses.every((status) => ['active', 'cleared', 'falsePositive'].includes(status))) {
    return 'The requested threatStatus is not valid';
  }

  const span = parseSpan(parameters, nowMs);
  if (span === undefined) return `The requested ${given[0] ?? ''} is not valid`;
  const lengthMs = span.toMs - span.fromMs;
  // Text: https://github.com/OpenCTI-Platform/connectors/issues/3600
  if (lengthMs < 30_000) return 'The requested interval is too short. Requests must be for at least 30.00s of data';
  if (lengthMs > hourMs) return 'The requested interval is too long. Requests must be for at most 1.00h of data';
  // Text: https://github.com/elastic/integrations/issues/11461
  if (span.fromMs < nowMs - 7 * dayMs) {
    return 'The requested start time is too far into the past. Requests for information up to 7.00d are accepted';
  }
  const latestMs = Math.floor(nowMs / 1000) * 1000;
  return {
    fromMs: Math.min(span.fromMs, latestMs),
    toMs: Math.min(span.toMs, latestMs),
    format,
    threatTypes,
    threatStatuses: threatStatuses.length === 0 ? defaultStatuses : threatStatuses,
  };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

function parseSpan(parameters: URLSearchParams, nowMs: number): Span | undefined {
  const interval = parameters.get('interval');
  if (interval !== null) return parseInterval(interval);
  // The end of a "since" query is the server's time rounded to the nearest minute.
  const toMs = Math.round(nowMs / 60_000) * 60_000;
  const seconds = parameters.get('sinceSeconds');
  if (seconds !== null) return /^\d{1,9}$/.test(seconds) ? { fromMs: toMs - Number(seconds) * 1000, toMs } : undefined;
  const fromMs = parseTime(parameters.get('sinceTime') ?? '');
  return fromMs === undefined ? undefined : { fromMs, toMs };
}

/** `start/end`, `PT30M/end` or `start/PT30M`. */
function parseInterval(interval: string): Span | undefined {
  const [first = '', second = '', ...rest] = interval.split('/');
  if (rest.length > 0) return undefined;
  const start = parseTime(first);
  const end = parseTime(second);
  if (start !== undefined && end !== undefined) return { fromMs: start, toMs: end };
  const lengthMs = parseLength(start === undefined ? first : second);
  if (lengthMs === undefined) return undefined;
  if (end !== undefined) return { fromMs: end - lengthMs, toMs: end };
  return start === undefined ? undefined : { fromMs: start, toMs: start + lengthMs };
}

function parseTime(text: string): number | undefined {
  // A "+" that a client forgot to encode arrives as a blank.
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:?\d\d)$/.exec(text);
  const timeMs = match === null ? Number.NaN : Date.parse(text.replace(' ', '+'));
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function parseLength(text: string): number | undefined {
  const match = /^PT(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?$/.exec(text);
  if (match === null || text === 'PT') return undefined;
  const [, hours = '0', minutes = '0', seconds = '0'] = match;
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}
