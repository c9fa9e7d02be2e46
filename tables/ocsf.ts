/**
 * The part of OCSF that rows are shown in: release 1.8.0, https://schema.ocsf.io/1.8.0/classes/email_activity and
 * https://schema.ocsf.io/1.8.0/classes/http_activity. Columns name their attributes in `meta.ocsf`, in this notation:
 *
 *     email.subject           an attribute
 *     email.files[].name      an attribute of each object of a list: one object per element of the column, or one of all columns that have a single value
 *     email.files[].hashes[MD5], email.http_headers[X-Mailer]    the value of the object of that name
 *     a | b                   both
 *     a (record_kind=to)      only in rows with that value in that column
 *
 * Several columns of one attribute: the first that has a value, of scores the highest.
 */
import type { TableFacts, TableName } from './table.ts';

export const ocsfVersion = '1.8.0';

/**
 * `texts`: a list; `joined`: one text of a list; `highest`: of several columns; `enum`: an id, whose text goes to the attribute of the same name
 * without `_id`; `keyed`: a list of named objects.
 */
export type AttributeKind =
  | 'text'
  | 'texts'
  | 'joined'
  | 'integer'
  | 'long'
  | 'boolean'
  | 'milliseconds'
  | 'time'
  | 'highest'
  | 'enum'
  | 'keyed';

/** Every attribute that columns may name. */
export const attributes: Readonly<Record<string, AttributeKind>> = {
  activity_id: 'integer',
  'actor.process.name': 'text',
  'actor.process.pid': 'integer',
  'actor.user.email_addr': 'text',
  'actor.user.name': 'text',
  class_uid: 'integer',
  command: 'text',
  'device.hostname': 'text',
  direction_id: 'enum',
  disposition: 'text',
  disposition_id: 'integer',
  'dst_endpoint.hostname': 'text',
  'dst_endpoint.ip': 'text',
  duration: 'milliseconds',
  'email.cc': 'texts',
  'email.cc_mailboxes': 'texts',
  'email.delivered_to_list': 'texts',
  'email.files[].ext': 'text',
  'email.files[].hashes': 'keyed',
  'email.files[].is_deleted': 'boolean',
  'email.files[].is_encrypted': 'boolean',
  'email.files[].mime_type': 'text',
  'email.files[].name': 'text',
  'email.files[].size': 'long',
  'email.from': 'text',
  'email.from_list': 'texts',
  'email.from_mailbox': 'text',
  'email.http_headers': 'keyed',
  'email.message_uid': 'text',
  'email.reply_to_list': 'texts',
  'email.reply_to_mailboxes': 'texts',
  'email.return_path': 'text',
  'email.size': 'long',
  'email.subject': 'text',
  'email.to': 'texts',
  'email.to_mailboxes': 'texts',
  'email.uid': 'text',
  'email.urls[].url_string': 'text',
  'email.x_originating_ip': 'texts',
  'email_auth.dkim': 'text',
  'email_auth.dkim_domain': 'text',
  'email_auth.dmarc': 'text',
  'email_auth.spf': 'text',
  'firewall_rule.category': 'text',
  'firewall_rule.name': 'text',
  from: 'text',
  'http_request.url.hostname': 'text',
  'http_request.url.url_string': 'text',
  'http_request.user_agent': 'text',
  'malware[].name': 'text',
  message: 'text',
  message_trace_uid: 'text',
  'metadata.correlation_uid': 'text',
  'metadata.event_code': 'text',
  'metadata.log_level': 'text',
  'metadata.log_source': 'text',
  'metadata.logged_time': 'time',
  'metadata.original_event_uid': 'text',
  'metadata.original_time': 'text',
  'metadata.processed_time': 'time',
  'metadata.product.uid': 'text',
  'metadata.product.version': 'text',
  'metadata.tenant_uid': 'text',
  'metadata.uid': 'text',
  'osint[].campaign.name': 'text',
  'osint[].category': 'text',
  'osint[].created_time': 'time',
  'osint[].src_url': 'text',
  'osint[].type_id': 'enum',
  'osint[].uid': 'text',
  'osint[].value': 'text',
  'policy.name': 'joined',
  protocol_name: 'text',
  raw_data: 'text',
  risk_score: 'highest',
  'src_endpoint.hostname': 'text',
  'src_endpoint.ip': 'text',
  'src_endpoint.location.country': 'text',
  start_time: 'time',
  status_code: 'text',
  status_detail: 'text',
  status_id: 'enum',
  time: 'time',
  to: 'texts',
};

interface Enumeration {
  readonly ids: Readonly<Record<string, number>>;
  /** Of a text that is not listed. */
  readonly otherwise: number;
}

/** Texts in lower case. No text is 0, Unknown. */
export const enumerations: Readonly<Record<string, Enumeration>> = {
  direction_id: { ids: { inbound: 1, outbound: 2, internal: 3 }, otherwise: 99 },
  status_id: { ids: { sent: 1, bounced: 2 }, otherwise: 99 },
  // the threat of a message is a URL, the hash of an attachment, or the address of a sender
  'osint[].type_id': { ids: { url: 5, attachment: 4, message: 9, messagetext: 9 }, otherwise: 99 },
};

/** What OCSF requires of an object and no column says. */
export const requiredWithin: Readonly<Record<string, Readonly<Record<string, number | readonly number[]>>>> = {
  // Server
  device: { type_id: 1 },
  // Regular File
  'email.files[]': { type_id: 1 },
  // Unknown
  'malware[]': { classification_ids: [0] },
  // URL
  'osint[]': { type_id: 5 },
};

/** What an object of a named list holds besides its value. */
export function keyedMember(list: string, key: string): Readonly<Record<string, string | number>> {
  if (list === 'http_headers') return { name: key };
  return { algorithm: key, algorithm_id: key === 'MD5' ? 1 : 3 };
}

/** The types of observables that a row's `obs_…` columns hold. */
export const observableTypes: Readonly<Record<string, { readonly id: number; readonly caption: string }>> = {
  obs_ip: { id: 2, caption: 'IP Address' },
  obs_domain: { id: 1, caption: 'Hostname' },
  obs_url: { id: 6, caption: 'URL String' },
  obs_email: { id: 5, caption: 'Email Address' },
  obs_hash: { id: 8, caption: 'Hash' },
};

const classNames = { 4009: 'Email Activity', 4002: 'HTTP Activity' } as const;
const activityNames: Readonly<Record<string, string>> = {
  '4009/2': 'Receive',
  '4009/3': 'Scan',
  '4009/5': 'MTA Relay',
  '4002/3': 'Get',
};
const severityNames = { 1: 'Informational', 3: 'Medium', 4: 'High' } as const;

/** The attributes that are the same in every row of a table. */
export function constantAttributes({ name, ocsf }: TableFacts): Readonly<Record<string, string | number>> {
  const { classUid, activityId, severityId } = ocsf;
  const className = classNames[classUid];
  const activityName = activityNames[`${classUid}/${activityId}`] ?? 'Unknown';
  return {
    category_uid: 4,
    category_name: 'Network Activity',
    class_uid: classUid,
    class_name: className,
    activity_id: activityId,
    activity_name: activityName,
    type_uid: classUid * 100 + activityId,
    type_name: `${className}: ${activityName}`,
    severity_id: severityId,
    severity: severityNames[severityId],
    'metadata.version': ocsfVersion,
    'metadata.log_name': name,
    'metadata.product.vendor_name': 'Proofpoint',
    'metadata.product.name': productOf(name),
  };
}

function productOf(name: TableName): string {
  if (name.startsWith('proofpoint_tap_')) return 'Targeted Attack Protection';
  return name.startsWith('proofpoint_gateway_') ? 'Protection Server' : 'Proofpoint on Demand';
}
