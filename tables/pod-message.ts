/**
 * proofpoint_on_demand_message: `message` records of the Proofpoint on Demand log service (Log API, Rev C). Oddities of real records:
 * https://github.com/elastic/integrations (packages/proofpoint_on_demand) and the sample data of https://github.com/Azure/Azure-Sentinel
 */
import { unbracket, unliteral, domainOf } from './address.ts';
import { bool, float64, int32, int64, text, timestamp } from './column.ts';
import { dispositionOfAction } from './disposition.ts';
import { field, jsonField, recordsField, textList, type Values } from './field.ts';
import { jsonTable } from './json/json-table.ts';

const pps = (key: string) => [`pps.${key}`, `metadata.origin.data.${key}`];
/** The normalised header is decoded; the other keeps encoded words. */
const header = (key: string) => [`msg.normalizedHeader.${key}`, `msg.header.${key}`];
const module = (path: string) => `filter.modules.${path}`;
const score = (key: string) =>
  field(int32, module(`spam.scores.classifiers.${key}`), {
    description: `Score of the classifier \`${key}\`, 0 to 100.`,
  });

const hashed = (paths: readonly string[], what: string) =>
  field(textList, paths, { description: `${what}, with hashed local parts.`, observable: 'email' });

const connection = {
  conn_ip: field(text, 'connection.ip', {
    description: 'Address of the client.',
    ocsf: 'src_endpoint.ip',
    observable: 'ip',
  }),
  conn_host: field(text, 'connection.host', {
    description: 'Host name that the address resolves to.',
    ocsf: 'src_endpoint.hostname',
    observable: 'domain',
  }),
  conn_helo: field(text, 'connection.helo', {
    description: 'Name that the client gave.',
    ocsf: 'command',
    observable: 'domain',
  }),
  conn_country: field(text, 'connection.country', {
    description: 'Country of the client, two letters; `**` is unknown.',
    ocsf: 'src_endpoint.location.country',
    example: 'us',
  }),
  conn_protocol: field(text, 'connection.protocol', {
    description: 'Protocol.',
    ocsf: 'protocol_name',
    example: 'smtp:smtp',
  }),
  conn_resolve_status: field(text, 'connection.resolveStatus', {
    description: 'Outcome of resolving the client.',
    example: 'ok',
  }),
  conn_sid: field(text, 'connection.sid', {
    description: 'Session; joins to `sid` of filter logs.',
    ocsf: 'metadata.correlation_uid',
  }),
  tls_in_version: field(text, 'connection.tls.inbound.version', {
    description: 'TLS version of receipt.',
    example: 'TLSv1.2',
  }),
  tls_in_cipher: field(text, 'connection.tls.inbound.cipher', {
    description: 'TLS cipher of receipt.',
  }),
  tls_in_cipher_bits: field(int32, 'connection.tls.inbound.cipherBits', {
    description: 'Key length of the cipher, bits.',
  }),
  tls_in_policy: field(text, 'connection.tls.inbound.policy', { description: 'TLS policy of receipt.' }),
};

const addresses = {
  envelope_from: field(text, 'envelope.from', {
    description: 'Envelope sender, lower case.',
    ocsf: 'from',
    observable: 'email',
  }),
  envelope_from_hashed: field(text, 'envelope.fromHashed', {
    description: 'Envelope sender with its local part hashed, as TAP may show it.',
    observable: 'email',
  }),
  envelope_rcpts: field(textList, 'envelope.rcpts', {
    description: 'Envelope recipients.',
    ocsf: 'to',
    observable: 'email',
  }),
  envelope_rcpts_hashed: hashed(['envelope.rcptsHashed'], 'Envelope recipients'),
  header_from: field(textList, header('from'), {
    description: 'From header.',
    ocsf: 'email.from_mailbox',
    observable: 'email',
  }),
  header_to: field(textList, header('to'), {
    description: 'To header.',
    ocsf: 'email.to_mailboxes',
    observable: 'email',
  }),
  header_cc: field(textList, header('cc'), {
    description: 'Cc header.',
    ocsf: 'email.cc_mailboxes',
    observable: 'email',
  }),
  header_reply_to: field(textList, header('reply-to'), {
    description: 'Reply-To header.',
    ocsf: 'email.reply_to_mailboxes',
    observable: 'email',
  }),
  return_path: field(textList, header('return-path'), {
    description: 'Return-Path header.',
    ocsf: 'email.return_path',
    observable: 'email',
  }),
  parsed_from: field(textList, 'msg.parsedAddresses.from', {
    description: 'Addresses of the From header.',
    ocsf: 'email.from | email.from_list',
    observable: 'email',
  }),
  parsed_to: field(textList, 'msg.parsedAddresses.to', {
    description: 'Addresses of the To header.',
    ocsf: 'email.to',
    observable: 'email',
  }),
  parsed_cc: field(textList, 'msg.parsedAddresses.cc', {
    description: 'Addresses of the Cc header.',
    ocsf: 'email.cc',
    observable: 'email',
  }),
  parsed_reply_to: field(textList, 'msg.parsedAddresses.reply-to', {
    description: 'Addresses of the Reply-To header.',
    ocsf: 'email.reply_to_list',
    observable: 'email',
  }),
  header_from_hashed: hashed(header('fromHashed'), 'From header'),
  header_to_hashed: hashed(header('toHashed'), 'To header'),
  header_cc_hashed: hashed(header('ccHashed'), 'Cc header'),
  header_reply_to_hashed: hashed(header('reply-toHashed'), 'Reply-To header'),
  return_path_hashed: hashed(header('return-pathHashed'), 'Return-Path header'),
  parsed_from_hashed: hashed(['msg.parsedAddresses.fromHashed'], 'Addresses of the From header'),
  parsed_to_hashed: hashed(['msg.parsedAddresses.toHashed'], 'Addresses of the To header'),
  parsed_cc_hashed: hashed(['msg.parsedAddresses.ccHashed'], 'Addresses of the Cc header'),
  parsed_reply_to_hashed: hashed(['msg.parsedAddresses.reply-toHashed'], 'Addresses of the Reply-To header'),
  from_display_names: field(textList, 'msg.parsedAddresses.fromDisplayNames', {
    description: 'Display names of the From header.',
  }),
  subject: field(text, header('subject'), { description: 'Subject.', ocsf: 'email.subject', observable: 'subject' }),
  message_id: field(
    text,
    header('message-id'),
    { description: 'Message-ID header without `<>`.', ocsf: 'email.message_uid', observable: 'message_id' },
    unbracket,
  ),
  x_mailer: field(text, header('x-mailer'), {
    description: 'X-Mailer header.',
    ocsf: 'email.http_headers[X-Mailer]',
  }),
  x_originating_ip: field(
    textList,
    header('x-originating-ip'),
    { description: 'X-Originating-IP header without brackets.', ocsf: 'email.x_originating_ip', observable: 'ip' },
    unliteral,
  ),
};

const actions = {
  module: field(text, 'module', { description: 'Module that acted.', example: 'spam' }),
  rule: field(text, 'rule', { description: 'Rule that matched.', example: 'notspam' }),
  action: field(text, 'action', { description: 'What it did.', example: 'add-header' }),
  is_final: field(bool, 'isFinal', { description: 'Whether it decided the message.' }),
};

const filter = {
  direction: field(text, 'filter.routeDirection', {
    description: '`inbound`, `outbound` or `internal`.',
    ocsf: 'direction_id',
  }),
  filter_disposition: field(text, 'filter.disposition', {
    description: 'What the filter did: `accept`, `continue`, `discard`, `reject`, `retry` and others.',
    ocsf: 'status_detail',
  }),
  final_action: field(text, 'final_action', {
    description: 'Action that decided the message; taken from `actions` where the record does not name it.',
  }),
  final_module: field(text, 'final_module', {
    description: 'Module that decided the message; taken from `actions` where the record does not name it.',
    ocsf: 'firewall_rule.category',
  }),
  final_rule: field(text, 'final_rule', {
    description: 'Rule that decided the message; taken from `actions` where the record does not name it.',
    ocsf: 'firewall_rule.name',
  }),
  actions: recordsField('filter.actions', actions, { description: 'What the modules did, in order.' }),
  qid: field(text, 'filter.qid', {
    description: 'Queue id; joins to maillog, sendmail and TAP.',
    ocsf: 'message_trace_uid',
    example: '0A5BroXa014896',
  }),
  mid: field(text, 'filter.mid', { description: 'Number of the message within the session.' }),
  orig_guid: field(text, 'filter.origGuid', { description: 'The `guid` that the message had before reinjection.' }),
  start_time: field(timestamp, 'filter.startTime', { description: 'When filtering began.', ocsf: 'start_time' }),
  duration_s: field(float64, 'filter.durationSecs', { description: 'Time of filtering, seconds.', ocsf: 'duration' }),
  filter_msg_size: field(int64, 'filter.msgSizeBytes', { description: 'Size in bytes as the filter saw it.' }),
  throttle_ip: field(text, 'filter.throttleIp', { description: 'Address that throttling counted.', observable: 'ip' }),
  current_folder: field(text, 'filter.currentFolder', { description: 'Quarantine folder where the message is now.' }),
  quarantine_folder: field(text, 'filter.quarantine.folder', {
    description: 'Quarantine folder.',
  }),
  quarantine_folder_id: field(text, 'filter.quarantine.folderId', { description: 'Id of the quarantine folder.' }),
  quarantine_rule: field(text, 'filter.quarantine.rule', { description: 'Rule that quarantined.' }),
  quarantine_module: field(text, 'filter.quarantine.module', { description: 'Module that quarantined.' }),
  quarantine_type: field(text, 'filter.quarantine.type', { description: 'Type of the quarantine.' }),
  policy_routes: field(textList, 'filter.routes', { description: 'Policy routes that matched.', ocsf: 'policy.name' }),
  suborg_sender: field(text, 'filter.suborgs.sender', { description: 'Sub-organisation of the sender.' }),
  suborg_rcpts: field(textList, 'filter.suborgs.rcpts', { description: 'Sub-organisations of the recipients.' }),
  verified_rcpts: field(textList, 'filter.verified.rcpts', {
    description: 'Recipients that were verified.',
    observable: 'email',
  }),
  verified_rcpts_hashed: hashed(['filter.verified.rcptsHashed'], 'Recipients that were verified'),
  delivered_rcpts: field(textList, 'filter.delivered.rcpts', {
    description: 'Recipients that were delivered to.',
    ocsf: 'email.delivered_to_list',
    observable: 'email',
  }),
  pe_rcpts: field(textList, 'filter.pe.rcpts', {
    description: 'Recipients of encrypted delivery.',
    observable: 'email',
  }),
  smime_rcpts: field(textList, 'filter.smime.rcpts', {
    description: 'Recipients of S/MIME encryption.',
    observable: 'email',
  }),
  smime_signed_rcpts: field(textList, 'filter.smime.signedRcpts', {
    description: 'Recipients of S/MIME signing.',
    observable: 'email',
  }),
  is_msg_encrypted: field(bool, 'filter.isMsgEncrypted', { description: 'Whether the message is encrypted.' }),
  is_msg_reinjected: field(bool, 'filter.isMsgReinjected', { description: 'Whether the message was reinjected.' }),
  is_msg_in_digest: field(bool, 'filter.isMsgInDigest', { description: 'Whether the message is in a digest.' }),
};

const dkim = {
  domain: field(text, 'domain', {
    description: 'Signing domain.',
    ocsf: 'email_auth.dkim_domain',
    observable: 'domain',
  }),
  selector: field(text, 'selector', { description: 'Selector of the key.' }),
  result: field(text, 'result', { description: 'Verdict.', ocsf: 'email_auth.dkim', example: 'pass' }),
};

const verdicts = {
  spf_result: field(text, module('spf.result'), { description: 'SPF verdict.', ocsf: 'email_auth.spf' }),
  spf_domain: field(text, module('spf.domain'), { description: 'Domain that SPF looked at.', observable: 'domain' }),
  dkim: recordsField(module('dkimv'), dkim, { description: 'DKIM signatures.' }),
  // the vendor's spelling
  dmarc_result: field(text, module('dmarc.filterdResult'), { description: 'DMARC verdict.', ocsf: 'email_auth.dmarc' }),
  dmarc_alignment: jsonField(module('dmarc.alignment'), { description: 'DMARC alignment, as JSON.' }),
  dmarc_auth_results: jsonField(module('dmarc.authResults'), { description: 'Authentication results, as JSON.' }),
  dmarc_records: jsonField(module('dmarc.records'), { description: 'DMARC records in DNS, as JSON.' }),
  dmarc_srvid: field(text, module('dmarc.srvid'), { description: 'Server that evaluated DMARC.' }),
  spam_score: field(int32, module('spam.scores.overall'), {
    description: 'Overall spam score, 0 to 100.',
    ocsf: 'risk_score',
  }),
  spam_score_engine: field(int32, module('spam.scores.engine'), { description: 'Score of the spam engine.' }),
  score_spam: score('spam'),
  score_phish: score('phish'),
  score_malware: score('malware'),
  score_impostor: score('impostor'),
  score_adult: score('adult'),
  score_suspect: score('suspect'),
  score_bulk: score('bulk'),
  score_lowpriority: score('lowpriority'),
  score_mlx: score('mlx'),
  score_mlxlog: field(int32, module('spam.scores.classifiers.mlxlog'), {
    description: 'Score of the classifier `mlxlog`, 0 to 999.',
  }),
  triggered_classifier: field(text, module('spam.triggeredClassifier'), {
    description: 'Classifier that decided.',
  }),
  safelist_matches: jsonField(module('spam.safeBlockedListMatches'), {
    description: 'Matches of safe and block lists, as JSON.',
  }),
  spam_langs: field(textList, module('spam.langs'), { description: 'Languages that the spam engine saw.' }),
  spam_charsets: field(textList, module('spam.charsets'), { description: 'Character sets that the spam engine saw.' }),
  spam_definitions: field(text, module('spam.version.definitions'), { description: 'Version of the definitions.' }),
  spam_engine: field(text, module('spam.version.engine'), { description: 'Version of the spam engine.' }),
  av_virus_names: field(textList, module('av.virusNames'), {
    description: 'Malware that was found.',
    ocsf: 'malware[].name',
  }),
  sandbox_status: field(text, module('sandbox.errorStatus'), { description: 'Error of sandboxing.' }),
  zerohour_score: field(text, module('zerohour.score'), { description: 'Zero-hour verdict.', example: 'unknown' }),
  pdr_v1_response: field(text, module('pdr.v1.response'), { description: 'Reputation verdict, first version.' }),
  pdr_v1_rscore: field(text, module('pdr.v1.rscore'), { description: 'Reputation score, first version.' }),
  pdr_v2_response: field(text, module('pdr.v2.response'), { description: 'Reputation verdict.', example: 'pass' }),
  pdr_v2_rscore: field(text, module('pdr.v2.rscore'), { description: 'Reputation score.' }),
  urls_total: field(int32, module('urldefense.counts.total'), { description: 'Number of URLs.' }),
  urls_unique: field(int32, module('urldefense.counts.unique'), { description: 'Number of different URLs.' }),
  urls_rewritten: field(int32, module('urldefense.counts.rewritten'), { description: 'Number of rewritten URLs.' }),
  urldefense_engine: field(text, module('urldefense.version.engine'), { description: 'Version of URL Defense.' }),
  rewritten_urls: field(textList, module('urldefense.rewrittenUrls'), {
    description: 'URLs that were rewritten.',
    observable: 'url',
  }),
};

const urls = {
  url: field(text, 'url', {
    description: 'The URL; may be a `mailto:` or a rewritten one.',
    ocsf: 'email.urls[].url_string',
    observable: 'url',
  }),
  src: field(textList, 'src', { description: 'Who found it: `filter`, `urldefense`.' }),
  is_rewritten: field(bool, 'isRewritten', { description: 'Whether it was rewritten.' }),
};

const parts = {
  name: field(text, 'detectedName', {
    description: 'Detected name, else the labelled one.',
    ocsf: 'email.files[].name',
    observable: 'filename',
  }),
  labeled_name: field(text, 'labeledName', {
    description: 'Name as the message declares it.',
    observable: 'filename',
  }),
  detected_ext: field(text, 'detectedExt', {
    description: 'Extension as detected.',
    ocsf: 'email.files[].ext',
    example: 'PNG',
  }),
  detected_mime: field(text, 'detectedMime', { description: 'Type as detected.', ocsf: 'email.files[].mime_type' }),
  detected_charset: field(text, 'detectedCharset', { description: 'Character set as detected.' }),
  detected_size: field(int64, 'detectedSizeBytes', { description: 'Size in bytes as detected.' }),
  labeled_ext: field(text, 'labeledExt', { description: 'Extension as declared.' }),
  labeled_mime: field(text, 'labeledMime', { description: 'Type as declared.' }),
  labeled_charset: field(text, 'labeledCharset', { description: 'Character set as declared.' }),
  size: field(int64, 'sizeDecodedBytes', { description: 'Size in bytes, decoded.', ocsf: 'email.files[].size' }),
  disposition: field(text, 'disposition', { description: '`inline` or `attached`.' }),
  md5: field(text, 'md5', { description: 'MD5 of the part.', ocsf: 'email.files[].hashes[MD5]', observable: 'hash' }),
  sha256: field(text, 'sha256', {
    description: 'SHA-256 of the part.',
    ocsf: 'email.files[].hashes[SHA-256]',
    observable: 'hash',
  }),
  sandbox_status: field(text, 'sandboxStatus', { description: 'State of sandboxing.' }),
  is_archive: field(bool, 'isArchive', { description: 'Whether it is an archive.' }),
  is_corrupted: field(bool, 'isCorrupted', { description: 'Whether it is corrupted.' }),
  is_deleted: field(bool, 'isDeleted', { description: 'Whether it was deleted.', ocsf: 'email.files[].is_deleted' }),
  is_protected: field(bool, 'isProtected', {
    description: 'Whether it is protected by a password.',
    ocsf: 'email.files[].is_encrypted',
  }),
  is_timed_out: field(bool, 'isTimedOut', { description: 'Whether the analysis timed out.' }),
  is_virtual: field(bool, 'isVirtual', { description: 'Whether the part is virtual.' }),
  structure_id: field(text, 'structureId', { description: 'Place in the MIME structure.' }),
  metadata: jsonField('metadata', { description: 'Metadata of the document, as JSON; its keys come from senders.' }),
  urls: recordsField('urls', urls, { description: 'URLs within the part.', ocsf: 'email.urls[]' }),
};

const fields = {
  guid: field(text, 'guid', {
    description: 'Message; joins to TAP and filter logs.',
    ocsf: 'email.uid | metadata.original_event_uid',
    example: 'w7huvQoQARIuW9b76VulX06gmyraEype',
  }),
  ts: field(timestamp, 'ts', { description: 'When the record was written.', ocsf: 'metadata.original_time' }),
  cluster_id: field(text, pps('cid'), { description: 'Cluster that filtered.', ocsf: 'metadata.product.uid' }),
  pps_agent: field(text, pps('agent'), { description: 'Host that filtered.', ocsf: 'device.hostname' }),
  pps_version: field(text, pps('version'), {
    description: 'Version of the filter.',
    ocsf: 'metadata.product.version',
    example: '8.15.0.371',
  }),
  theater: field(text, pps('theater'), { description: 'Data centre region of the cluster.' }),
  ...connection,
  ...addresses,
  lang: field(text, 'msg.lang', { description: 'Language of the message.', example: 'en' }),
  msg_size: field(int64, 'msg.sizeBytes', { description: 'Size in bytes.', ocsf: 'email.size' }),
  ...filter,
  ...verdicts,
  parts: recordsField('msgParts', parts, {
    description: 'Parts of the message, attachments among them.',
    ocsf: 'email.files[]',
  }),
};

const derived = {
  sender_domain: text({
    description: 'Domain of the envelope sender, lower case.',
    source: 'derived: envelope.from',
    observable: 'domain',
  }),
};

export const podMessage = jsonTable({
  name: 'proofpoint_on_demand_message',
  description: 'Messages as Proofpoint on Demand filtered them: connection, addresses, verdicts, parts and URLs.',
  recordKinds: { message: 'A message, once its filtering has ended.' },
  // the service gives no content; the last one is added by collectors
  kept: ['msgParts[].dataBase64', 'msgParts[].textExtracted', 'event_type'],
  eventTimeFrom: "ts, else the object's LastModified",
  dispositionFrom:
    'filter.disposition: `accept` and `continue` are `allowed`, `discard` is `dropped` (`quarantined` with a quarantine folder), `reject` is `rejected`, `retry` is `delayed`, another word is `other`',
  // Scan
  ocsf: { classUid: 4009, activityId: 3, severityId: 1 },
  naturalKey: ['guid'],
  fields,
  derived,
  derive(message: Values<typeof fields>) {
    const final = message.actions?.find((action) => action.is_final === true);
    message.final_action ??= final?.action ?? null;
    message.final_module ??= final?.module ?? null;
    message.final_rule ??= final?.rule ?? null;
    for (const part of message.parts ?? []) part.name ??= part.labeled_name;
    return { sender_domain: domainOf(message.envelope_from) };
  },
  eventTime: ({ ts }) => ts,
  disposition(message) {
    const disposition = dispositionOfAction(message.filter_disposition);
    return disposition === 'dropped' && message.quarantine_folder !== null ? 'quarantined' : disposition;
  },
});
