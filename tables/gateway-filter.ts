/** proofpoint_gateway_filter_logs: what the filter of a Protection Server says about each session and message, as `key=value` text. */
import { domainOf } from './address.ts';
import { float64, int32, int64, list, text } from './column.ts';
import { field, textList } from './field.ts';
import { commaItems, scanPairs } from './text/pairs.ts';
import { assign } from './text/plan.ts';
import { textTable } from './text/text-table.ts';

const fields = {
  sid: field(text, 's', {
    description: 'Session; joins to `conn_sid` of PoD messages.',
    ocsf: 'session.uid',
    example: '3ebnb6gs7y',
  }),
  m: field(text, 'm', {
    description: 'Number of the message within the session.',
    ocsf: 'metadata.correlation_uid',
    example: '1',
  }),
  x: field(text, 'x', {
    description: 'Session and message number.',
    ocsf: 'metadata.correlation_uid',
    example: '3ebnb6gs7y-1',
  }),
  mod: field(text, 'mod', {
    description: 'Module that speaks.',
    ocsf: 'activity_name',
    example: 'session',
  }),
  cmd: field(text, 'cmd', { description: 'What it did.', ocsf: 'activity_name', example: 'disconnect' }),
  module: field(text, 'module', { description: 'Module that decided.', ocsf: 'firewall_rule.category' }),
  rule: field(text, 'rule', { description: 'Rule that decided.', ocsf: 'firewall_rule.name' }),
  action: field(text, 'action', { description: 'What was decided.', ocsf: 'action', example: 'continue' }),
  policy: field(text, 'policy', { description: 'Policy that applied.', ocsf: 'policy.name' }),
  helo: field(text, 'helo', { description: 'Name that the client gave.', ocsf: 'command', observable: 'domain' }),
  ip: field(text, 'ip', { description: 'Address of the client.', ocsf: 'src_endpoint.ip', observable: 'ip' }),
  country: field(text, 'country', {
    description: 'Country of the client, two letters; `**` is unknown.',
    ocsf: 'src_endpoint.location.country',
  }),
  lip: field(text, 'lip', { description: 'Local address.', ocsf: 'dst_endpoint.ip' }),
  prot: field(text, 'prot', { description: 'Protocol.', ocsf: 'protocol_name', example: 'smtp:smtp' }),
  hops_active: field(text, 'hops_active', { description: 'Whether hop detection is active: `t` or `f`.' }),
  conn_host: field(text, 'host', {
    description: 'Host name that the address of the client resolves to.',
    ocsf: 'src_endpoint.hostname',
    observable: 'domain',
  }),
  resolve: field(text, 'resolve', { description: 'Outcome of resolving the client.', example: 'ok' }),
  tls: field(text, 'tls', { description: 'TLS of the session.', ocsf: 'tls.version' }),
  value: field(text, 'value', {
    description: 'The name or address that the command is about: helo, sender or recipient.',
    observable: 'email',
  }),
  qid: field(text, 'qid', {
    description: 'Queue id; joins to sendmail logs.',
    ocsf: 'message_trace_uid',
    example: 'w3HMWjG3039079',
  }),
  guid: field(text, 'guid', { description: 'Message; joins to TAP and PoD messages.', ocsf: 'email.uid' }),
  hdr_mid: field(text, 'hdr_mid', { description: 'Message-ID header as it stands.', ocsf: 'email.message_uid' }),
  subject: field(text, 'subject', { description: 'Subject.', ocsf: 'email.subject', observable: 'subject' }),
  rcpts: field(int32, 'rcpts', { description: 'Number of recipients.' }),
  msgs: field(int32, 'msgs', { description: 'Number of messages in the session.' }),
  size: field(int64, 'size', { description: 'Size in bytes.', ocsf: 'email.size' }),
  attachments: field(int32, 'attachments', { description: 'Number of attachments.' }),
  profile: field(text, 'profile', { description: 'Profile of the delivery.', example: 'mail' }),
  routes: field(textList, 'routes', {
    description: 'Policy routes that matched.',
    ocsf: 'policy.name',
    example: 'allow_relay',
  }),
  notroutes: field(textList, 'notroutes', { description: 'Policy routes that did not match.' }),
  score: field(int32, 'score', { description: 'Overall score, 0 to 100.', ocsf: 'risk_score' }),
  spamscore: field(int32, 'spamscore', { description: 'Spam score, 0 to 100.' }),
  phishscore: field(int32, 'phishscore', { description: 'Phishing score, 0 to 100.' }),
  malwarescore: field(int32, 'malwarescore', { description: 'Malware score, 0 to 100.' }),
  file: field(text, 'file', {
    description: 'Name of the attachment.',
    ocsf: 'email.files[].name',
  }),
  sha256: field(text, 'sha256', {
    description: 'SHA-256 of the attachment; from `a` where that holds one.',
    ocsf: 'email.files[].hashes',
    observable: 'hash',
  }),
  mime: field(text, 'mime', { description: 'Type of the attachment.', ocsf: 'email.files[].mime_type' }),
  virusname: field(text, 'virusname', { description: 'Malware that was found.', ocsf: 'malware[].name' }),
  folder: field(text, 'folder', { description: 'Quarantine folder.' }),
  duration_s: field(float64, 'duration', { description: 'Time of the step, seconds.', ocsf: 'duration' }),
  elapsed_s: field(float64, 'elapsed', { description: 'Time since the session began, seconds.', ocsf: 'duration' }),
};

const derived = {
  tag: text({
    description: 'First word of the message: level or `rprt` (report).',
    source: 'first word',
    ocsf: 'type_name',
    example: 'rprt',
  }),
  envelope_rcpts: list(text(), {
    description: 'Recipients, where the line names them rather than their number (`cmd=send`).',
    source: 'derived: rcpts',
    ocsf: 'to',
    observable: 'email',
  }),
  value_domain: text({
    description: 'Domain of `value`, lower case, where that is an address.',
    source: 'derived: value',
    observable: 'domain',
  }),
  message: text({ description: 'Words that are no key=value.', source: 'other words', ocsf: 'message' }),
};

export const gatewayFilter = textTable({
  name: 'proofpoint_gateway_filter_logs',
  description: 'Lines of the Protection Server filter log: sessions, messages, module verdicts, dispositions.',
  naturalKey: ['sid', 'm', 'mod', 'cmd'],
  fields,
  derived,
  read(line, from, plan, row, extra) {
    const { tag, keys, values, words } = scanPairs(line, from);
    assign(row, extra, plan, keys, values);
    row.tag = tag;
    if (words.length > 0) row.message = words.join(' ');
    row.value_domain = domainOf(row.value);

    const recipients = extra.get('rcpts');
    if (recipients?.includes('@') === true && !recipients.includes('\n')) {
      row.envelope_rcpts = commaItems(recipients);
      extra.delete('rcpts');
    }
    const digest = extra.get('a');
    if (digest?.length === 64 && row.sha256 === null) {
      row.sha256 = digest;
      extra.delete('a');
    }
    return keys.length > 0;
  },
});
