/**
 * TAP records as the SIEM API gives them, with the liberties seen in the wild: keys in two spellings, absent and null fields, verdicts that come late.
 * Fields: https://help.proofpoint.com/Threat_Insight_Dashboard/API_Documentation/SIEM_API
 */
import type { Mail, MailPart } from '../mail.ts';
import type { Random } from '../random.ts';
import type { Threat } from '../threat.ts';
import { address, isoMillis, isoSeconds, modulesRun, policyRoutes, userAgents } from '../world.ts';

export type TapRecord = Readonly<Record<string, unknown>>;

interface Telling {
  readonly mail: Mail;
  readonly createdAtMs: number;
  readonly random: Random;
  readonly clusterKey: 'cluster' | 'clusterId';
}

/** A message event about the recipient of that position. */
export function messageRecord(
  of: Telling & { readonly recipient: number; readonly array: 'messagesDelivered' | 'messagesBlocked' },
): TapRecord {
  const { mail, random, array, clusterKey } = of;
  const threat = threatIn(mail);
  const blocked = array === 'messagesBlocked';
  const times = messageTimes(of);
  const fromHeader = `"${mail.senderName}" <${mail.sender}>`;
  const score = (kind: Threat['classification']) =>
    threat.classification === kind && blocked ? random.int(60, 100) : random.int(0, 20);
  const record: Record<string, unknown> = {
    GUID: mail.guid,
    QID: random.chance(0.5) ? mail.qid : `${mail.sid}-1`,
    messageTime: times.messageTime,
    messageID: random.chance(0.8) ? mail.messageId : mail.messageId.slice(1, -1),
    sender: random.chance(0.3) ? `${random.hex(32)}@${mail.senderDomain}` : mail.sender,
    senderIP: mail.senderIp,
    recipient: [mail.recipients[of.recipient]],
    fromAddress: random.chance(0.95) ? [mail.sender] : mail.sender,
    toAddresses: random.chance(0.9) ? mail.recipients : null,
    ccAddresses: [],
    replyToAddress: random.chance(0.8) ? [] : [mail.sender],
    headerFrom: fromHeader,
    headerReplyTo: random.chance(0.8) ? null : fromHeader,
    subject: mail.subject,
    xmailer: random.chance(0.8) ? null : 'Mailer 4.2 (build 17)',
    messageSize: mail.sizeBytes,
    spamScore: score('spam'),
    phishScore: score('phish'),
    malwareScore: score('malware'),
    impostorScore: score('impostor') + random.pick([0, 0, 0.5]),
    completelyRewritten: random.pick([true, false, 'na']),
    modulesRun: modulesRun.slice(0, random.int(3, modulesRun.length)),
    policyRoutes: policyRoutes.slice(0, random.int(1, policyRoutes.length)),
    quarantineFolder: blocked ? folders[threat.classification] : null,
    quarantineRule: blocked ? `module.sandbox.rule.${threat.classification}` : null,
    messageParts: mail.parts.map((part) => messagePart(part, threat, random)),
    threatsInfoMap: threatsInfoMap(threat, times.threatTime, random),
  };
  if (!blocked && random.chance(0.05)) Object.assign(record, sparse);
  record[clusterKey] = mail.gateway.clusterId;
  // Not in every event: https://github.com/elastic/integrations/issues/9966
  if (random.chance(0.99)) record['id'] = random.uuid();
  if (times.eventTime !== undefined) record['eventTime'] = times.eventTime;
  if (random.chance(0.2)) record['eventType'] = array;
  if (random.chance(0.05)) record['headerTo'] = mail.recipients.map((recipient) => `<${recipient}>`).join('; ');
  return record;
}

/** A click on the threat's address in the mail. */
export function clickRecord({ mail, createdAtMs, random }: Telling): TapRecord {
  const threat = threatIn(mail);
  const sentMs = Math.ceil(mail.startMicros / 1000);
  // Creation is the later of click and recognition; one in four clicks came before anyone knew.
  const unknownYet = random.chance(0.25);
  const clickTimeMs = unknownYet ? sentMs + Math.floor(random.next() * (createdAtMs - sentMs)) : createdAtMs;
  const record: Record<string, unknown> = {
    url: threat.url,
    classification: threat.classification,
    clickTime: isoMillis(clickTimeMs),
    threatTime: isoMillis(unknownYet ? createdAtMs : threat.firstSeenMs),
    userAgent: random.pick(userAgents),
    clickIP: address(random),
    sender: mail.sender,
    recipient: random.pick(mail.recipients),
    senderIP: mail.senderIp,
    GUID: mail.guid,
    threatID: threat.id,
    threatURL: dashboardUrl(threat),
    messageID: random.chance(0.9) ? mail.messageId : '',
  };
  record[random.chance(0.7) ? 'campaignId' : 'campaignID'] = threat.campaignId ?? random.pick([null, '']);
  if (random.chance(0.99)) record['id'] = random.uuid();
  if (random.chance(0.97)) record['threatStatus'] = threat.status;
  if (random.chance(0.3)) record['eventTime'] = isoMillis(createdAtMs);
  return record;
}

const folders = { phish: 'Phish', malware: 'Attachment Defense', spam: 'Spam', impostor: 'Impostor' } as const;

/** Everything unknown, as some delivered events are. */
const sparse = {
  QID: null,
  messageID: '',
  sender: '',
  senderIP: '192.0.2.1',
  fromAddress: null,
  toAddresses: null,
  ccAddresses: null,
  replyToAddress: null,
  headerFrom: null,
  headerReplyTo: null,
  subject: null,
  xmailer: null,
  messageSize: 0,
  spamScore: 0,
  phishScore: 0,
  malwareScore: 0,
  impostorScore: 0,
  completelyRewritten: 'na',
  modulesRun: null,
  policyRoutes: null,
  quarantineFolder: null,
  quarantineRule: null,
  messageParts: null,
} as const;

/** Creation is the later of sending and recognition, or some minutes after both where the record has an eventTime. */
function messageTimes({ mail, createdAtMs, random }: Telling) {
  const sentMs = Math.floor(mail.startMicros / 1000);
  const knownBefore = createdAtMs === sentMs;
  const lagMs = random.chance(0.1) ? Math.min(16 * 60_000, createdAtMs - sentMs) : 0;
  const recognisedMs = knownBefore ? threatIn(mail).firstSeenMs : createdAtMs - lagMs;
  return {
    messageTime: knownBefore || random.chance(0.5) ? isoMillis(sentMs) : isoSeconds(sentMs),
    threatTime: isoMillis(recognisedMs),
    eventTime: lagMs > 0 || random.chance(0.5) ? isoMillis(createdAtMs) : undefined,
  };
}

function threatsInfoMap(threat: Threat, threatTime: string, random: Random): Record<string, unknown>[] {
  const first: Record<string, unknown> = {
    threat: threat.type === 'attachment' ? threat.sha256 : threat.type === 'url' ? threat.url : threat.id,
    threatTime,
    threatType: random.chance(0.9) ? threat.type : threat.type.toUpperCase(),
    threatUrl: dashboardUrl(threat),
    classification: random.chance(0.9) ? threat.classification : threat.classification.toUpperCase(),
  };
  if (random.chance(0.97)) first['threatStatus'] = threat.status;
  // The host itself is often a second threat; both spellings of the id can stand in one event.
  const second = { ...first, threat: threat.domain, threatId: random.hex(64), campaignId: threat.campaignId };
  first[random.chance(0.8) ? 'threatID' : 'threatId'] = threat.id;
  first[random.chance(0.8) ? 'campaignID' : 'campaignId'] = threat.campaignId;
  if (random.chance(0.2)) {
    first['detectionType'] = 'NONE';
    first['actors'] = threat.actor === undefined ? [] : [threat.actor];
  }
  return threat.type === 'url' && random.chance(0.3) ? [first, second] : [first];
}

function messagePart(part: MailPart, threat: Threat, random: Random) {
  const malicious = part.sha256 === threat.sha256;
  return {
    contentType: part.contentType,
    oContentType: part.contentType,
    disposition: part.disposition,
    filename: part.filename,
    md5: part.md5,
    sha256: part.sha256,
    sandboxStatus: malicious ? 'threat' : random.pick([null, 'unsupported', 'clean', 'prefilter', 'NOT_SUPPORTED']),
  };
}

const dashboardUrl = (threat: Threat) =>
  `https://threatinsight.proofpoint.com/00000000-0000-0000-0000-000000000000/threat/email/${threat.id}`;

function threatIn(mail: Mail): Threat {
  if (mail.threat === undefined) throw new Error(`mail ${mail.number} of its hour carries no threat`);
  return mail.threat;
}
