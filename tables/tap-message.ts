/**
 * What the two TAP message tables share: one row per event of `messagesDelivered` or `messagesBlocked`. One message to several recipients is
 * several events (https://github.com/elastic/integrations/issues/9966). Fields:
 * https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API
 */
import { addressIn, domainOf, unbracket } from './address.ts';
import { bool, float64, int32, int64, text, timestamp } from './column.ts';
import type { Disposition } from './disposition.ts';
import { field, recordsField, textList, type Values } from './field.ts';
import { jsonTable } from './json/json-table.ts';
import type { Table, TableFacts, TimeMicros } from './table.ts';

const parts = {
  filename: field(text, 'filename', {
    description: 'Name of the part.',
    ocsf: 'email.files[].name',
    example: 'Invoice.pdf',
    observable: 'filename',
  }),
  md5: field(text, 'md5', { description: 'MD5 of the part.', ocsf: 'email.files[].hashes[MD5]', observable: 'hash' }),
  sha256: field(text, 'sha256', {
    description: 'SHA-256 of the part.',
    ocsf: 'email.files[].hashes[SHA-256]',
    observable: 'hash',
  }),
  content_type: field(text, 'contentType', {
    description: 'Type as detected.',
    ocsf: 'email.files[].mime_type',
    example: 'application/pdf',
  }),
  declared_content_type: field(text, 'oContentType', { description: 'Type as the message declares it.' }),
  disposition: field(text, 'disposition', { description: '`inline` or `attached`.' }),
  sandbox_status: field(text, 'sandboxStatus', {
    description: 'Verdict or state of sandboxing: `threat`, `clean`, `unsupported`, `inprogress` and others.',
  }),
};

const actors = {
  id: field(text, 'id', { description: 'Id of the actor.' }),
  name: field(text, 'name', { description: 'Name of the actor.', example: 'TA505' }),
  type: field(text, 'type', { description: 'Type of the actor.' }),
};

const threats = {
  threat_id: field(text, 'threatID', {
    description: 'Id of the threat; joins to clicks.',
    ocsf: 'osint[].uid',
  }),
  type: field(text, 'threatType', {
    description: '`url`, `attachment` or `messageText`, in either case.',
    ocsf: 'osint[].type_id',
    example: 'url',
  }),
  classification: field(text, 'classification', {
    description: '`malware`, `phish`, `spam` or `impostor`, in either case.',
    ocsf: 'osint[].category',
    example: 'phish',
  }),
  status: field(text, 'threatStatus', {
    description: '`active`, `cleared` or `falsePositive` when it was read.',
    example: 'active',
  }),
  time: field(timestamp, 'threatTime', {
    description: 'When the threat was recognised; may be long after the message.',
    ocsf: 'osint[].created_time',
  }),
  artifact: field(text, 'threat', {
    description: 'The malicious URL, the SHA-256 of the attachment or the sender address, as `type` says.',
    ocsf: 'osint[].value',
    observable: 'artifact',
  }),
  url: field(text, 'threatUrl', {
    description: 'Page of the threat in the TAP dashboard; a pivot, not an indicator.',
    ocsf: 'osint[].src_url',
  }),
  campaign_id: field(text, 'campaignID', {
    description: 'Campaign that the threat belongs to.',
    ocsf: 'osint[].campaign.name',
  }),
  detection_type: field(text, 'detectionType', {
    description: 'How the threat was detected; newer events only.',
    example: 'COMPROMISED_WEBSITE',
  }),
  actors: recordsField('actors', actors, { description: 'Actors behind the threat; newer events only.' }),
};

const fields = {
  guid: field(text, 'GUID', {
    description: 'Message id within the Protection Server; joins to `guid` of PoD messages, filter logs and clicks.',
    ocsf: 'email.uid',
    example: 'c26dbea0-80d5-463b-b93c-4e8b708219ce',
  }),
  tap_event_id: field(text, 'id', {
    description: 'Id of the event; differs per recipient and is not in all events.',
    ocsf: 'metadata.original_event_uid',
  }),
  message_time: field(timestamp, 'messageTime', {
    description: 'When the message was delivered or blocked.',
    ocsf: 'metadata.original_time',
  }),
  recorded_time: field(timestamp, 'eventTime', {
    description: 'When the event was created; newer events only.',
    ocsf: 'metadata.logged_time',
  }),
  event_type: field(text, 'eventType', {
    description: 'Kind of event; newer events only.',
    ocsf: 'metadata.event_code',
    example: 'messagesBlocked',
  }),
  qid: field(text, 'QID', {
    description: 'Queue id; joins to `qid` of maillog, sendmail and filter logs. May repeat.',
    ocsf: 'message_trace_uid',
    example: 'r2FNwRHF004109',
  }),
  message_id: field(
    text,
    'messageID',
    { description: 'Message-ID header without `<>`.', ocsf: 'email.message_uid', observable: 'message_id' },
    unbracket,
  ),
  cluster: field(text, ['cluster', 'clusterId'], {
    description: 'Cluster that processed the message.',
    ocsf: 'metadata.product.uid',
    example: 'acme_hosted',
  }),
  subject: field(text, 'subject', { description: 'Subject.', ocsf: 'email.subject', observable: 'subject' }),
  envelope_from: field(text, 'sender', {
    description: 'Envelope sender; the vendor may hash its local part, so search by domain too.',
    ocsf: 'from',
    observable: 'email',
  }),
  envelope_rcpts: field(textList, 'recipient', {
    description: 'Envelope recipients, usually one.',
    ocsf: 'to',
    observable: 'email',
  }),
  sender_ip: field(text, 'senderIP', {
    description: 'Address that sent the message.',
    ocsf: 'src_endpoint.ip',
    example: '192.0.2.255',
    observable: 'ip',
  }),
  header_from: field(text, 'headerFrom', {
    description: 'From header as it stands in the message.',
    ocsf: 'email.from_mailbox',
    example: '"A. Name" <a.name@example.com>',
    observable: 'email',
  }),
  header_to: field(text, 'headerTo', {
    description: 'To header as it stands; older events only.',
    ocsf: 'email.to_mailboxes',
    observable: 'email',
  }),
  header_cc: field(text, 'headerCC', {
    description: 'Cc header as it stands; older events only.',
    ocsf: 'email.cc_mailboxes',
    observable: 'email',
  }),
  header_reply_to: field(text, 'headerReplyTo', {
    description: 'Reply-To header as it stands.',
    ocsf: 'email.reply_to_mailboxes',
    observable: 'email',
  }),
  from_addresses: field(textList, 'fromAddress', {
    description: 'Addresses of the From header.',
    ocsf: 'email.from_list',
    observable: 'email',
  }),
  to_addresses: field(textList, 'toAddresses', {
    description: 'Addresses of the To header.',
    ocsf: 'email.to',
    observable: 'email',
  }),
  cc_addresses: field(textList, 'ccAddresses', {
    description: 'Addresses of the Cc header.',
    ocsf: 'email.cc',
    observable: 'email',
  }),
  reply_to_addresses: field(textList, 'replyToAddress', {
    description: 'Addresses of the Reply-To header.',
    ocsf: 'email.reply_to_list',
    observable: 'email',
  }),
  x_mailer: field(text, 'xmailer', { description: 'X-Mailer header.', ocsf: 'email.http_headers[X-Mailer]' }),
  message_size: field(int64, 'messageSize', {
    description: 'Size in bytes; 0 in sparse events.',
    ocsf: 'email.size',
    example: '9569',
  }),
  spam_score: field(int32, 'spamScore', { description: 'Spam score, 0 to 100.', ocsf: 'risk_score' }),
  phish_score: field(int32, 'phishScore', { description: 'Phishing score, 0 to 100.', ocsf: 'risk_score' }),
  malware_score: field(int32, 'malwareScore', { description: 'Malware score, 0 to 100.', ocsf: 'risk_score' }),
  impostor_score: field(float64, 'impostorScore', { description: 'Impostor score, 0 to 100.' }),
  completely_rewritten: field(text, 'completelyRewritten', {
    description: 'Whether all URLs were rewritten: `true`, `false` or `na`.',
  }),
  policy_routes: field(textList, 'policyRoutes', {
    description: 'Policy routes that the message matched.',
    ocsf: 'policy.name',
    example: 'default_inbound',
  }),
  modules_run: field(textList, 'modulesRun', { description: 'Modules that looked at the message.' }),
  quarantine_folder: field(text, 'quarantineFolder', {
    description: 'Quarantine folder; also set on delivered messages that are audited.',
  }),
  quarantine_rule: field(text, 'quarantineRule', {
    description: 'Rule that quarantined.',
    ocsf: 'firewall_rule.name',
    example: 'inbound_phish',
  }),
  parts: recordsField('messageParts', parts, {
    description: 'Parts of the message, attachments among them.',
    ocsf: 'email.files[]',
  }),
  threats: recordsField('threatsInfoMap', threats, {
    description: 'Threats found in the message, with their state when it was read.',
    ocsf: 'osint[]',
  }),
};

type Message = Values<typeof fields>;

const derived = {
  sender_domain: text({
    description: 'Domain of the envelope sender, lower case.',
    source: 'derived: sender',
    observable: 'domain',
  }),
  header_from_addr: text({
    description: 'Address within the From header.',
    source: 'derived: headerFrom',
    ocsf: 'email.from',
    observable: 'email',
  }),
  active_threat_count: int32({
    description: 'Number of threats with status `active`.',
    source: 'derived: threatsInfoMap',
  }),
  has_campaign: bool({
    description: 'Whether a threat belongs to a campaign.',
    source: 'derived: threatsInfoMap',
  }),
};

type Facts = Pick<TableFacts, 'name' | 'description' | 'recordKinds' | 'dispositionFrom'> & {
  readonly severityId: TableFacts['ocsf']['severityId'];
  disposition(message: Message): Disposition;
};

export function tapMessageTable({ severityId, ...facts }: Facts): Table {
  return jsonTable({
    ...facts,
    eventTimeFrom: 'messageTime, else eventTime, else the newest threatTime, else the hour of the TAP window',
    // Receive
    ocsf: { classUid: 4009, activityId: 2, severityId },
    naturalKey: ['guid', 'envelope_rcpts', 'message_time'],
    fields,
    derived,
    derive: (message: Message) => ({
      sender_domain: domainOf(message.envelope_from),
      header_from_addr: addressIn(message.header_from),
      active_threat_count: message.threats?.filter(({ status }) => status === 'active').length ?? null,
      has_campaign: message.threats?.some((threat) => threat.campaign_id !== null) ?? null,
    }),
    eventTime: (message) => message.message_time ?? message.recorded_time ?? newestThreat(message),
  });
}

function newestThreat({ threats: found }: Message): TimeMicros | null {
  let newest: TimeMicros | null = null;
  for (const { time } of found ?? []) if (time !== null && (newest === null || time > newest)) newest = time;
  return newest;
}
