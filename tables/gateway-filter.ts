/** proofpoint_gateway_filter_logs: what the filter of a Protection Server says about each session and message, as `key=value` text. */
import { domainOf, unbracket } from './address.ts';
import { float64, int32, int64, list, text } from './column.ts';
import { dispositionOfAction } from './disposition.ts';
import { field, textList } from './field.ts';
import { commaItems } from './text/items.ts';
import { scanPairs } from './text/pairs.ts';
import { assign } from './text/plan.ts';
import { eventTimeFrom, textTable } from './text/text-table.ts';

const fields = {
  sid: field(text, 's', {
    description: 'Session; joins to `conn_sid` of PoD messages.',
    ocsf: 'metadata.correlation_uid',
    example: '3ebnb6gs7y',
  }),
  m: field(text, 'm', {
    description: 'Number of the message within the session.',
    example: '1',
  }),
  x: field(text, 'x', {
    description: 'Session and message number.',
    example: '3ebnb6gs7y-1',
  }),
  mod: field(text, 'mod', { description: 'Module that speaks.', example: 'session' }),
  cmd: field(text, 'cmd', { description: 'What it did.', ocsf: 'metadata.event_code', example: 'disconnect' }),
  module: field(text, 'module', { description: 'Module that decided.', ocsf: 'firewall_rule.category' }),
  rule: field(text, 'rule', { description: 'Rule that decided.', ocsf: 'firewall_rule.name' }),
  action: field(text, 'action', { description: 'What was decided.', ocsf: 'status_detail', example: 'continue' }),
  policy: field(text, 'policy', { description: 'Policy that applied.', ocsf: 'policy.name' }),
  helo: field(text, 'helo', { description: 'Name that the client gave.', ocsf: 'command', observable: 'domain' }),
  ip: field(text, 'ip', { description: 'Address of the client.', ocsf: 'src_endpoint.ip', observable: 'ip' }),
  country: field(text, 'country', {
    description: 'Country of the client, two letters; `**` is unknown.',
    ocsf: 'src_endpoint.location.country',
  }),
  lip: field(text, 'lip', { description: 'Local address.', ocsf: 'dst_endpoint.ip', observable: 'own_ip' }),
  prot: field(text, 'prot', { description: 'Protocol.', ocsf: 'protocol_name', example: 'smtp:smtp' }),
  hops_active: field(text, 'hops_active', { description: 'Whether hop detection is active: `t` or `f`.' }),
  conn_host: field(text, 'host', {
    description: 'Host name that the address of the client resolves to.',
    ocsf: 'src_endpoint.hostname',
    observable: 'domain',
  }),
  resolve: field(text, 'resolve', { description: 'Outcome of resolving the client.', example: 'ok' }),
  tls: field(text, 'tls', { description: 'TLS of the session.' }),
  value: field(
    text,
    'value',
    {
      description: 'The name or address that the command is about: helo, sender or recipient, without `<>`.',
      ocsf: 'from (cmd=env_from) | to (cmd=env_rcpt)',
      observable: 'any',
    },
    unbracket,
  ),
  mail_from: field(
    text,
    'from',
    {
      description: 'Envelope sender that a session speaks of (`mod=session cmd=data`), without `<>`.',
      ocsf: 'from',
      observable: 'email',
    },
    unbracket,
  ),
  rcpt: field(
    text,
    'rcpt',
    { description: 'Recipient that a session speaks of, without `<>`.', ocsf: 'to', observable: 'email' },
    unbracket,
  ),
  ofrom: field(
    text,
    'ofrom',
    { description: 'Original envelope sender, without `<>`.', observable: 'email' },
    unbracket,
  ),
  header_from: field(text, 'header.from', {
    description: 'Domain or address of the From header, as DMARC judged it.',
    observable: 'any',
  }),
  qid: field(text, 'qid', {
    description: 'Queue id; joins to sendmail logs.',
    ocsf: 'message_trace_uid',
    example: 'w3HMWjG3039079',
  }),
  guid: field(text, 'guid', { description: 'Message; joins to TAP and PoD messages.', ocsf: 'email.uid' }),
  hdr_mid: field(
    text,
    'hdr_mid',
    {
      description:
        'Message-ID header without `<>`; joins to `msgid` of sendmail logs, `message_id` of TAP and PoD messages.',
      ocsf: 'email.message_uid',
      observable: 'message_id',
    },
    unbracket,
  ),
  subject: field(text, 'subject', { description: 'Subject.', ocsf: 'email.subject', observable: 'subject' }),
  rcpts: field(int32, 'rcpts', { description: 'Number of recipients.' }),
  msgs: field(int32, 'msgs', { description: 'Number of messages in the session.' }),
  size: field(int64, 'size', { description: 'Size in bytes.', ocsf: 'email.size' }),
  attachments: field(int32, 'attachments', { description: 'Number of attachments.' }),
  profile: field(text, 'profile', { description: 'Profile of the delivery.', example: 'mail' }),
  routes: field(textList, 'routes', {
    description: 'Policy routes that matched.',
    example: 'allow_relay',
  }),
  notroutes: field(textList, 'notroutes', { description: 'Policy routes that did not match.' }),
  score: field(int32, 'score', { description: 'Overall score, 0 to 100.', ocsf: 'risk_score' }),
  spamscore: field(int32, 'spamscore', { description: 'Spam score, 0 to 100.' }),
  phishscore: field(int32, 'phishscore', { description: 'Phishing score, 0 to 100.' }),
  malwarescore: field(int32, 'malwarescore', { description: 'Malware score, 0 to 100.' }),
  suspectscore: field(int32, 'suspectscore', { description: 'Suspect score, 0 to 100.' }),
  bulkscore: field(int32, 'bulkscore', { description: 'Bulk score, 0 to 100.' }),
  adultscore: field(int32, 'adultscore', { description: 'Adult score, 0 to 100.' }),
  impostorscore: field(int32, 'impostorscore', { description: 'Impostor score, 0 to 100.' }),
  lowpriorityscore: field(int32, 'lowpriorityscore', { description: 'Low priority score, 0 to 100.' }),
  mlxscore: field(int32, 'mlxscore', { description: 'Score of the classifier `mlx`, 0 to 100.' }),
  classifier: field(text, 'classifier', { description: 'Classifier that decided.' }),
  engine: field(text, 'engine', { description: 'Version of the engine.' }),
  definitions: field(text, 'definitions', { description: 'Version of the definitions.' }),
  result: field(text, 'result', { description: 'Verdict of SPF, DKIM or DMARC.', example: 'pass' }),
  result_detail: field(text, 'result_detail', { description: 'Why.' }),
  verified: field(text, 'verified', { description: 'Outcome of verifying the recipient.' }),
  status: field(text, 'status', { description: 'State or error that a module reports.' }),
  reason: field(text, 'reason', { description: 'Reason that a module gives.' }),
  file: field(text, 'file', {
    description: 'Name of the attachment.',
    ocsf: 'email.files[].name',
    observable: 'filename',
  }),
  sha256: field(text, 'sha256', {
    description: 'SHA-256 of the attachment; from `a` where that holds one.',
    ocsf: 'email.files[].hashes[SHA-256]',
    observable: 'hash',
  }),
  mime: field(text, 'mime', { description: 'Type of the attachment.', ocsf: 'email.files[].mime_type' }),
  omime: field(text, 'omime', { description: 'Type of the attachment as the message declares it.' }),
  oext: field(text, 'oext', { description: 'Extension of the attachment as the message declares it.' }),
  type: field(text, 'type', { description: 'Kind of the attachment, or of what a module loads.', example: 'txt' }),
  corrupted: field(int32, 'corrupted', { description: 'Whether the attachment is corrupted: 0 or 1.' }),
  protected: field(int32, 'protected', { description: 'Whether the attachment needs a password: 0 or 1.' }),
  virtual: field(int32, 'virtual', { description: 'Whether the attachment is virtual: 0 or 1.' }),
  virusname: field(text, 'virusname', { description: 'Malware that was found.', ocsf: 'malware[].name' }),
  folder: field(text, 'folder', { description: 'Quarantine folder.' }),
  duration_s: field(float64, 'duration', { description: 'Time of the step, seconds.', ocsf: 'duration' }),
  perlwait_s: field(float64, 'perlwait', { description: 'Time of waiting for an interpreter, seconds.' }),
  elapsed_s: field(float64, 'elapsed', { description: 'Time since the session began, seconds.' }),
};

/** By the modules that write them. */
const kept = {
  session: 'addr crate data_routes limit pri rate rcpt_notroutes reverse suborg',
  mail: 'a eid err id r sampling',
  av: 'cleaned name vendor version',
  zerohour: 'count init_time init_virusthreat virusthreat virusthreatid',
  spam: 'adjust authcc authscore authtc clxscore cotscore kscore.compositescore kscore.is_bulkscore mlxlogscore ndrscore num_domains priorityscore raw route scancount submsgadjust tests',
  authentication: 'identity signature',
  others: 'active address cset dict encrypted evt expires msg pid reply rewritten sys',
};

const derived = {
  tag: text({
    description: 'First word of the message: level or `rprt` (report).',
    source: 'first word',
    ocsf: 'metadata.log_level',
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
  recordKinds: {
    'mod=session': 'Connection, resolving, throttling, verdict and end of a session; these lines have no `m`.',
    'mod=mail': 'Helo, envelope addresses, attachments and end of a message (`cmd=msg` has its disposition).',
    'mod=spam, av, spf, dkimv, dmarc, pdr, zerohour, urldefense, …': 'The verdict of a module.',
    'cmd=send': 'Hand-over to the mail transfer agent, with the addresses of the recipients.',
    other: 'Housekeeping of the filter; words that are no key=value are in `message`.',
  },
  eventTimeFrom,
  kept: Object.values(kept).flatMap((keys) => keys.split(' ')),
  dispositionFrom:
    'action: `accept` and `continue` are `allowed`, `discard` is `dropped`, `quarantine` is `quarantined`, `reject` is `rejected`, `retry` and `tempfail` are `delayed`, another word is `other`',
  // Scan
  ocsf: { classUid: 4009, activityId: 3, severityId: 1 },
  naturalKey: ['sid', 'm', 'mod', 'cmd', 'value'],
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
      row.envelope_rcpts = commaItems(recipients).map(unbracket);
      extra.delete('rcpts');
    }
    const digest = extra.get('a');
    if (digest?.length === 64 && row.sha256 === null) {
      row.sha256 = digest;
      extra.delete('a');
    }
    return keys.length > 0;
  },
  disposition: ({ action }) => dispositionOfAction(action),
});
