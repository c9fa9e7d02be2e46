/**
 * What the two TAP click tables share: one row per event of `clicksPermitted` or `clicksBlocked`. The API writes camelCase, exports of it
 * snake_case; both are read. Fields: https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API
 */
import { domainOf, hostOf, unbracket } from './address.ts';
import { text, timestamp } from './column.ts';
import { field, type Values } from './field.ts';
import { jsonTable } from './json/json-table.ts';
import type { Table, TableName } from './table.ts';

const fields = {
  click_id: field(text, 'id', { description: 'Id of the click; not in all events.', ocsf: 'metadata.uid' }),
  click_time: field(timestamp, 'clickTime', { description: 'When the user clicked.', ocsf: 'time' }),
  threat_time: field(timestamp, 'threatTime', {
    description: 'When the threat was recognised; may be after the click.',
    ocsf: 'finding_info.created_time',
  }),
  recorded_time: field(timestamp, 'eventTime', {
    description: 'When the event was created; newer events only.',
    ocsf: 'metadata.logged_time',
  }),
  url: field(text, 'url', {
    description: 'The URL that was clicked, as it was before rewriting.',
    ocsf: 'http_request.url',
    example: 'http://malicious.example/login',
    observable: 'url',
  }),
  url_domain: field(text, 'domain', {
    description: 'Host of the URL: as given, else taken from `url`.',
    ocsf: 'http_request.url.hostname',
    observable: 'domain',
  }),
  classification: field(text, 'classification', {
    description: '`malware`, `phish`, `spam` and others, in either case.',
    ocsf: 'finding_info.types',
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
    ocsf: 'email.from',
    observable: 'email',
  }),
  recipient: field(text, 'recipient', {
    description: 'Recipient of the message: the user who clicked.',
    ocsf: 'actor.user.email_addr',
    observable: 'email',
  }),
  sender_ip: field(text, 'senderIP', { description: 'Address that sent the message.', observable: 'ip' }),
  guid: field(text, 'GUID', { description: 'Message that held the URL; joins to messages.', ocsf: 'email.uid' }),
  message_id: field(
    text,
    'messageID',
    { description: 'Message-ID header without `<>`.', ocsf: 'email.message_uid' },
    unbracket,
  ),
  campaign_id: field(text, 'campaignID', {
    description: 'Campaign that the threat belongs to.',
    ocsf: 'osint[].campaign.uid',
  }),
  threat_id: field(text, 'threatID', {
    description: 'Id of the threat; joins to `threats` of messages.',
    ocsf: 'finding_info.uid',
  }),
  threat_status: field(text, 'threatStatus', {
    description: '`active`, `cleared` or `falsePositive` when it was read.',
    example: 'active',
  }),
  threat_url: field(text, 'threatURL', {
    description: 'Page of the threat in the TAP dashboard; a pivot, not an indicator.',
    ocsf: 'finding_info.src_url',
  }),
};

const derived = {
  sender_domain: text({
    description: 'Domain of the envelope sender, lower case.',
    source: 'derived: sender',
    observable: 'domain',
  }),
};

/** The event time is clickTime, else eventTime, else threatTime. */
export function tapClickTable(name: TableName, description: string): Table {
  return jsonTable({
    name,
    description,
    naturalKey: ['click_id', 'recipient', 'click_time', 'url'],
    fields,
    derived,
    derive(click: Values<typeof fields>) {
      click.url_domain ??= hostOf(click.url);
      return { sender_domain: domainOf(click.envelope_from) };
    },
    eventTime: (click) => click.click_time ?? click.recorded_time ?? click.threat_time,
  });
}
