/** PoD's `message` record of one mail, as the log API documents it, with its oddities (proofpoint-on-demand Log API, Rev C). */
import { type Mail, type MailPart, passes } from '../mail.ts';
import { type Random, seeded } from '../random.ts';
import { policyRoutes } from '../world.ts';
import { isoMicros, type LogLine } from './line.ts';

/** The record as JSON text; one for each mail. */
export function podMessages(mail: Mail): LogLine[] {
  return [{ timeMicros: mail.startMicros, text: JSON.stringify(messageRecord(mail)) }];
}

function messageRecord(mail: Mail): Record<string, unknown> {
  const random = seeded(mail.guid, 'pod');
  const { host, clusterId, offsetMinutes } = mail.gateway;
  return {
    guid: mail.guid,
    ts: isoMicros(mail.startMicros, offsetMinutes, false),
    connection: {
      country: mail.country,
      helo: mail.senderHost,
      host: mail.senderHost,
      ip: mail.senderIp,
      protocol: 'smtp:smtp',
      resolveStatus: 'ok',
      sid: mail.sid,
      tls: { inbound: { cipher: mail.cipher, cipherBits: 256, version: 'TLSv1.3' } },
    },
    envelope: {
      // The service lower-cases it and leaves the header's as it is.
      from: mail.sender.toLowerCase(),
      fromHashed: hashed(mail.sender, random),
      rcpts: mail.recipients,
      rcptsHashed: mail.recipients.map((recipient) => hashed(recipient, random)),
    },
    filter: filterOf(mail, random),
    msg: msgOf(mail, random),
    msgParts: mail.parts.map((part, index) => msgPart(mail, part, index)),
    metadata: { origin: { data: { agent: host, cid: clusterId, version: '8.21.0.1234' } } },
  };
}

function filterOf(mail: Mail, random: Random): Record<string, unknown> {
  const passed = passes(mail);
  const disposition = passed ? 'continue' : 'discard';
  return {
    actions: [
      { module: 'spf', rule: passed ? 'pass' : 'softfail', action: 'continue' },
      { module: 'av', rule: mail.fate === 'malware' ? 'virus' : 'clean', action: 'add-header' },
      { module: 'spam', rule: passed ? 'notspam' : mail.fate, action: disposition, isFinal: true },
    ],
    delivered: { rcpts: passed ? mail.recipients : [] },
    verified: { rcpts: mail.recipients },
    disposition,
    durationSecs: Number(random.next().toFixed(6)),
    msgSizeBytes: mail.sizeBytes,
    qid: mail.qid,
    routeDirection: 'inbound',
    routes: policyRoutes.slice(0, random.int(1, 4)),
    suborgs: { sender: '0', rcpts: ['0'] },
    startTime: isoMicros(mail.startMicros, mail.gateway.offsetMinutes, false),
    isMsgEncrypted: false,
    isMsgReinjected: false,
    quarantine: passed ? { folder: '', rule: '' } : { folder: mail.fate, rule: `inbound_${mail.fate}` },
    modules: modulesOf(mail, random, passed),
  };
}

function modulesOf(mail: Mail, random: Random, passed: boolean): Record<string, unknown> {
  const domain = mail.senderDomain;
  const result = passed ? 'pass' : 'fail';
  const score = (kind: string) => (mail.fate === kind ? random.int(80, 100) : random.int(0, 15));
  const rewritten = mail.urls.map((url) => `https://urldefense.com/v3/__${url}__;!!sim!${random.hex(8)}$`);
  return {
    av: { virusNames: mail.fate === 'malware' ? ['Sim/Dropper.A'] : [] },
    spf: { domain, result },
    dkimv: [{ domain, selector: 's1', result }],
    dmarc: {
      srvid: 'ppops.example',
      filterdResult: result,
      authResults: [
        { method: 'spf', result, reason: '', emailIdentities: { 'smtp.mailfrom': mail.sender } },
        { method: 'dkim', result, reason: '', propspec: { 'header.d': domain, 'header.s': 's1' } },
      ],
      alignment: [
        { fromDomain: domain, results: [{ method: 'spf', result: 'strict', identity: domain, identityOrg: domain }] },
      ],
    },
    pdr: { v2: { response: result, rscore: random.int(0, 100) } },
    spam: {
      langs: ['en', 'de'],
      charsets: ['UTF-8'],
      scores: {
        overall: passed ? random.int(0, 20) : 100,
        engine: random.int(0, 20),
        classifiers: {
          adult: 0,
          bulk: random.int(0, 5),
          impostor: score('impostor'),
          lowpriority: 0,
          malware: score('malware'),
          mlx: random.int(0, 100),
          mlxlog: random.int(0, 999),
          phish: score('phish'),
          spam: score('spam'),
          suspect: random.int(0, 10),
        },
      },
      version: { definitions: 'main-2411240000', engine: '8.19.0-2409140000' },
    },
    urldefense: {
      counts: { total: mail.urls.length, unique: mail.urls.length, rewritten: rewritten.length },
      rewrittenUrls: rewritten,
      version: { engine: '2.2' },
    },
    zerohour: { score: 'unknown' },
  };
}

function msgOf(mail: Mail, random: Random): Record<string, unknown> {
  const from = `"${mail.senderName}" <${mail.sender}>`;
  const common = { to: mail.recipients, 'return-path': [mail.sender], fromHashed: [hashed(mail.sender, random)] };
  const encoded = `=?utf-8?B?${Buffer.from(mail.subject).toString('base64')}?=`;
  return {
    lang: 'en',
    sizeBytes: mail.sizeBytes,
    header: {
      ...common,
      // Folded, as it came over the wire.
      from: [`"${mail.senderName}"\r\n <${mail.sender}>`],
      subject: [encoded],
      'message-id': [mail.messageId],
    },
    normalizedHeader: { ...common, from: [from], subject: [mail.subject], 'message-id': [mail.messageId.slice(1, -1)] },
    parsedAddresses: { from: [mail.sender], fromDisplayNames: [mail.senderName], to: mail.recipients },
  };
}

function msgPart(mail: Mail, part: MailPart, index: number): Record<string, unknown> {
  const html = part.contentType === 'text/html';
  return {
    structureId: String(index),
    disposition: part.disposition,
    md5: part.md5,
    sha256: part.sha256,
    detectedCharset: html ? 'utf-8' : '',
    detectedExt: part.extension.toUpperCase(),
    detectedMime: part.contentType,
    detectedName: part.filename,
    detectedSizeBytes: part.sizeBytes,
    labeledCharset: 'utf-8',
    labeledExt: part.extension,
    labeledMime: part.contentType,
    labeledName: part.filename,
    sizeDecodedBytes: part.sizeBytes,
    isArchive: false,
    isCorrupted: false,
    isDeleted: false,
    isProtected: false,
    isTimedOut: false,
    isVirtual: false,
    // What the service sends in place of the content.
    dataBase64: 'U0NBTEFSKDB4MWEyYjNjNCk=\n',
    textExtracted: 'U0NBTEFSKDB4MWEyYjNjNCk=\n',
    metadata: html ? htmlMetadata(mail) : {},
    urls: html
      ? mail.urls.flatMap((url) => [
          { url, src: ['filter'] },
          { url, src: ['urldefense'], isRewritten: true },
        ])
      : [],
  };
}

/** Names of HTML meta elements: the sender chooses these keys (https://github.com/elastic/integrations/pull/11359 and pull/13541). */
function htmlMetadata(mail: Mail): Record<string, string> {
  const usual = { viewport: 'width=device-width, initial-scale=1', generator: 'Sim 1.0' };
  return mail.number % 50 === 0 ? { ...usual, '': 'x', ' ': 'y', 'a.b': '1', a: '2', 'colmodel[0]': 'z' } : usual;
}

const hashed = (mailbox: string, random: Random) => `${random.hex(32)}@${mailbox.slice(mailbox.lastIndexOf('@') + 1)}`;
