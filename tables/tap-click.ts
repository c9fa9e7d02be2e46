/**
 * What the two TAP click tables share: one row per event of `clicksPermitted` or `clicksBlocked`. The API writes camelCase, exports of it
 * snake_case; both are read. Fields: https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API
 */
import { domainOf, hostOf, unbracket } from './address.ts';
import { text, timestamp } from './column.ts';
import type { Disposition } from './disposition.ts';
import { field, textList, type Values } from './field.ts';
import { jsonTable, parseJson } from './json/json-table.ts';
import { canonicalHost } from './observable.ts';
import type { Table, TableFacts } from './table.ts';
import { originalUrl } from './url-defense.ts';

const fields = {
  click_id: field(text, 'id', {
    description: 'Id of the click; not in all events.',
    ocsf: 'metadata.original_event_uid',
  }),
  click_time: field(timestamp, 'clickTime', { description: 'When the user clicked.', ocsf: 'metadata.original_time' }),
  threat_time: field(timestamp, 'threatTime', {
    description: 'When the threat was recognised; may be after the click.',
    ocsf: 'osint[].created_time',
  }),
  recorded_time: field(timestamp, 'eventTime', {
    description: 'When the event was created; newer events only.',
    ocsf: 'metadata.logged_time',
  }),
  url: field(text, 'url', {
    description: 'The URL that was clicked, as given: it may be one that URL Defense rewrote.',
    ocsf: 'http_request.url.url_string | osint[].value',
    example: 'http://malicious.example/login',
    observable: 'url',
  }),
  url_domain: field(text, 'domain', {
    description: 'Host of the URL: as given, else taken from `url` as it was before rewriting.',
    ocsf: 'http_request.url.hostname',
    observable: 'domain',
  }),
  classification: field(text, 'classification', {
    description: '`malware`, `phish`, `spam` and others, in either case.',
    ocsf: 'osint[].category',
    example: 'phish',
  }),
  click_ip: field(text, 'clickIP', {
    description: 'Address that the user clicked from.',
    ocsf: 'src_endpoint.ip',
    observable: 'ip',
  }),
  user_agent: field(text, 'userAgent', { description: 'Browser of the user.', ocsf: 'http_request.user_agent' }),
  envelope_from: field(text, 'sender', {
    description: 'Envelope sender of the message; the vendor may hash its local part.',
    observable: 'email',
  }),
  recipient: field(text, 'recipient', {
    description: 'Recipient of the message: the user who clicked; of several the first.',
    ocsf: 'actor.user.email_addr | actor.user.name',
    observable: 'email',
  }),
  sender_ip: field(text, 'senderIP', { description: 'Address that sent the message.', observable: 'ip' }),
  guid: field(text, 'GUID', {
    description: 'Message that held the URL; joins to messages.',
    ocsf: 'metadata.correlation_uid',
  }),
  message_id: field(
    text,
    'messageID',
    { description: 'Message-ID header without `<>`.', observable: 'message_id' },
    unbracket,
  ),
  campaign_id: field(text, 'campaignID', {
    description: 'Campaign that the threat belongs to.',
    ocsf: 'osint[].campaign.name',
  }),
  threat_id: field(text, 'threatID', {
    description: 'Id of the threat; joins to `threats` of messages.',
    ocsf: 'osint[].uid',
  }),
  threat_status: field(text, 'threatStatus', {
    description: '`active`, `cleared` or `falsePositive` when it was read.',
    example: 'active',
  }),
  threat_url: field(text, 'threatURL', {
    description: 'Page of the threat in the TAP dashboard; a pivot, not an indicator.',
    ocsf: 'osint[].src_url',
  }),
};

const derived = {
  sender_domain: text({
    description: 'Domain of the envelope sender, lower case.',
    source: 'derived: sender',
    observable: 'domain',
  }),
  other_recipients: textList({
    description: 'Recipients besides `recipient`, where the event names several.',
    source: 'derived: recipient',
    observable: 'email',
  }),
};

type Facts = Pick<TableFacts, 'name' | 'description' | 'recordKinds'> & {
  readonly severityId: TableFacts['ocsf']['severityId'];
  readonly disposition: Disposition;
};

export function tapClickTable({ severityId, disposition, ...facts }: Facts): Table {
  return jsonTable({
    ...facts,
    eventTimeFrom: 'clickTime, else eventTime, else threatTime, else the hour of the TAP window',
    dispositionFrom: `always \`${disposition}\``,
    // a browser that follows a link sends a GET
    ocsf: { classUid: 4002, activityId: 3, severityId },
    naturalKey: ['click_id', 'recipient', 'click_time', 'url'],
    fields,
    derived,
    derive(click: Values<typeof fields>, extra) {
      click.url_domain ??= click.url === null ? null : hostBeforeRewriting(click.url);
      return { sender_domain: domainOf(click.envelope_from), other_recipients: othersOf(extra) };
    },
    eventTime: (click) => click.click_time ?? click.recorded_time ?? click.threat_time,
    disposition: () => disposition,
  });
}

function hostBeforeRewriting(url: string): string | null {
  const original = originalUrl(url);
  return canonicalHost(original) ?? hostOf(original);
}

/** Of a list that one column cannot hold: `extra` has it whole, under the key as it was written. */
function othersOf(extra: ReadonlyMap<string, string>): string[] | null {
  const [, recipients] = extra.size === 0 ? [] : ([...extra].find(([key]) => key.toLowerCase() === 'recipient') ?? []);
  const all = recipients === undefined ? null : parseJson(recipients);
  return Array.isArray(all) ? all.slice(1).filter((recipient) => typeof recipient === 'string') : null;
}
