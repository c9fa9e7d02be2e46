/** What a message of an S3 notification queue says. Pure. */

/** An object that was created or overwritten. Which version is its current one, the store is asked: events come late and out of order. */
export interface CreatedObject {
  readonly bucket: string;
  readonly key: string;
}

/** `poison`: nothing that this program knows; never any other on another try. */
export type Notification =
  | { readonly kind: 'created'; readonly objects: readonly CreatedObject[] }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'poison'; readonly reason: string };

/**
 * Reads an S3 event, as it is or within an SNS notification, or an EventBridge event.
 * Forms: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html,
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
export function parseNotification(body: string): Notification {
  const message = parseObject(body);
  if (message === undefined) return poison('the body is not a JSON object');
  if (message['Type'] !== 'Notification' || message['Records'] !== undefined) return parseEvent(message);
  const inner = typeof message['Message'] === 'string' ? parseObject(message['Message']) : undefined;
  return inner === undefined ? poison('the SNS notification holds no JSON object') : parseEvent(inner);
}

function parseEvent(event: JsonObject): Notification {
  if (event['Event'] === 's3:TestEvent') return { kind: 'ignored' };
  if (event['detail-type'] !== undefined) return parseBridged(event);
  const records = event['Records'];
  if (!Array.isArray(records)) return poison('neither an S3 event nor one of EventBridge');
  const objects: CreatedObject[] = [];
  for (const record of records as unknown[]) {
    const name = field(record, 'eventName');
    if (typeof name !== 'string') return poison('a record has no eventName');
    if (!/^(s3:)?ObjectCreated:/.test(name)) continue;
    const bucket = field(record, 's3', 'bucket', 'name');
    const encoded = field(record, 's3', 'object', 'key');
    const key = typeof encoded === 'string' ? decodeForm(encoded) : undefined;
    if (!isName(bucket) || !isName(key)) return poison('a record has no bucket, or no key that can be decoded');
    objects.push({ bucket, key });
  }
  return objects.length === 0 ? { kind: 'ignored' } : { kind: 'created', objects };
}

/** EventBridge does not encode keys. */
function parseBridged(event: JsonObject): Notification {
  if (event['source'] !== 'aws.s3') return poison('an event of EventBridge, but not of S3');
  if (event['detail-type'] !== 'Object Created') return { kind: 'ignored' };
  const bucket = field(event, 'detail', 'bucket', 'name');
  const key = field(event, 'detail', 'object', 'key');
  if (!isName(bucket) || !isName(key)) return poison('the event has no bucket or no key');
  return { kind: 'created', objects: [{ bucket, key }] };
}

type JsonObject = Readonly<Record<string, unknown>>;

function poison(reason: string): Notification {
  return { kind: 'poison', reason };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function decodeForm(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
