/** Sendmail's log of one mail: it arrives (`from=`), goes on to each recipient (`to=`), and what goes wrong on the way; joined by the queue id. */
import { type Mail, passes } from '../mail.ts';
import { type Random, seeded } from '../random.ts';
import { type LogLine, logLine } from './line.ts';

/** Equates of a line in their order; `stat` is last and free text. */
type Equates = Readonly<Record<string, string>>;

/** A `from=` or `to=` line before it is text: PoD's maillog tells of the same. */
export interface Delivery {
  readonly timeMicros: number;
  readonly program: string;
  readonly qid: string;
  readonly equates: Equates;
}

/** Lines in the order they were written. */
export function sendmailLines(mail: Mail): LogLine[] {
  const random = seeded(mail.guid, 'sendmail-extra');
  const deliveries = deliveriesOf(mail).map(({ timeMicros, program, qid, equates }) =>
    logLine(mail, timeMicros, program, `${qid}: ${equatesText(equates)}`),
  );
  const lines = [...incidents(mail, random), ...deliveries];
  const last = deliveries.at(-1);
  // Log shippers repeat a line now and then: both are lines of the log.
  if (last !== undefined && mail.number % 25 === 11) lines.push(last);
  return lines.sort((one, other) => one.timeMicros - other.timeMicros);
}

export const equatesText = (equates: Equates) =>
  Object.entries(equates)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

/** The mail's `from=` line, then its `to=` lines. */
export function deliveriesOf(mail: Mail): Delivery[] {
  const random = seeded(mail.guid, 'sendmail');
  const program = `sendmail[${random.int(1000, 99_999)}]`;
  const arrivedMicros = mail.startMicros + random.int(100_000, 900_000);
  const { qid } = mail;
  const arrival: Delivery = {
    timeMicros: arrivedMicros,
    program,
    qid,
    equates: {
      from: mail.number % 9 === 5 ? mail.sender : `<${mail.sender}>`,
      size: String(mail.sizeBytes),
      class: mail.number % 30 === 2 ? '-60' : '0',
      nrcpts: String(mail.recipients.length),
      msgid: mail.messageId,
      ...(random.chance(0.3) ? { bodytype: '8BITMIME' } : {}),
      proto: 'ESMTP',
      daemon: 'MTA',
      tls_verify: 'NONE',
      ...(random.chance(0.5) ? { tls_version: 'TLSv1.3', cipher: mail.cipher } : {}),
      auth: 'NONE',
      relay: mail.senderIp.includes(':')
        ? `${mail.senderHost} [IPv6:${mail.senderIp}]`
        : `${mail.senderHost} [${mail.senderIp}]`,
    },
  };
  if (!passes(mail)) return [arrival];
  return [
    arrival,
    ...mail.recipients.flatMap((recipient) => attempts({ mail, recipient, random, arrivedMicros, program })),
  ];
}

interface Attempt {
  readonly mail: Mail;
  readonly recipient: string;
  readonly random: Random;
  readonly arrivedMicros: number;
  readonly program: string;
}

/** One `to=` line, or two where the first try was put off. */
function attempts(of: Attempt): Delivery[] {
  const { mail, recipient, random, arrivedMicros, program } = of;
  const domain = recipient.slice(recipient.indexOf('@') + 1);
  const exchange = domain.replaceAll('.', '-');
  const spentMicros = random.int(50_000, 1_500_000);
  const to = (afterMicros: number, outcome: Equates, delay = clock(afterMicros)): Delivery => ({
    timeMicros: arrivedMicros + afterMicros,
    program,
    qid: mail.qid,
    equates: {
      to: recipient === mail.recipients[0] || random.chance(0.8) ? `<${recipient}>` : recipient,
      ...(random.chance(0.1) ? { ctladdr: '<postmaster@example.net> (8/0)' } : {}),
      delay,
      xdelay: clock(spentMicros),
      mailer: 'esmtp',
      tls_verify: random.pick(['OK', 'OK', 'FAIL', 'NONE']),
      ...(random.chance(0.4) ? { tls_version: 'TLSv1.2', cipher: mail.cipher } : {}),
      pri: String(30_000 + mail.sizeBytes),
      ...outcome,
    },
  });
  const outlook = {
    relay: `${exchange}.mail.protection.example.net. [203.0.113.${random.int(1, 254)}]`,
    dsn: '2.0.0',
    stat: exchangeStat(mail, random),
  };
  const put = (relay: string, reason: string): Equates => ({ relay, dsn: '4.0.0', stat: `Deferred: ${reason}` });

  switch (mail.number % 24) {
    case 2:
      return [
        to(spentMicros, put(`mx.${domain}.`, `Connection refused by mx.${domain}.`)),
        to(spentMicros + 302_000_000, outlook),
      ];
    case 7:
      // Sent two days ago, tried again now.
      return [
        to(spentMicros, put(`mx.${domain}. [198.51.100.7]`, `Connection timed out with mx.${domain}.`), '1+16:51:01'),
      ];
    case 9:
      return [to(spentMicros, { relay: `mx.${domain}. [IPv6:2001:db8:2a02::17]`, dsn: '5.1.1', stat: 'User unknown' })];
    case 14:
      return [
        to(spentMicros, {
          relay: '[127.0.0.1] [127.0.0.1]',
          dsn: '2.0.0',
          stat: `Sent (${mail.sid}-1 Message accepted for delivery)`,
        }),
      ];
    case 19:
      return [to(spentMicros, { dsn: '5.1.2', stat: `Host unknown (Name server: mx.${domain}.: host not found)` })];
    case 21:
      return [to(spentMicros, { stat: 'queued' })];
    default:
      return [to(spentMicros, outlook)];
  }
}

/** Exchange Online's words: `, Hostname=` in them looks like an equate and is none. */
function exchangeStat(mail: Mail, random: Random): string {
  const seconds = 0.05 + random.next();
  const kilobytes = mail.sizeBytes / 1024;
  return `Sent (${mail.messageId} [InternalId=${random.int(10 ** 9, 2 ** 31)}, Hostname=EX${random.hex(6).toUpperCase()}.example.net] ${mail.sizeBytes} bytes in ${seconds.toFixed(3)}, ${(kilobytes / seconds).toFixed(3)} KB/sec Queued mail for delivery)`;
}

/** `00:05:02`. */
function clock(spanMicros: number): string {
  return new Date(Math.floor(spanMicros / 1000)).toISOString().slice(11, 19);
}

/** Lines that are neither `from=` nor `to=`, some of them without a queue id. */
function incidents(mail: Mail, random: Random): LogLine[] {
  const relay = `${mail.senderHost} [${mail.senderIp}]`;
  const [recipient = ''] = mail.recipients;
  const line = (words: string) =>
    logLine(mail, mail.startMicros + random.int(1000, 90_000), `sendmail[${random.int(1000, 99_999)}]`, words);
  const lines: LogLine[] = [];
  if (mail.number % 2 === 0) {
    lines.push(
      line(`STARTTLS=server, relay=${relay}, version=TLSv1.3, verify=NO, cipher=${mail.cipher}, bits=256/256`),
    );
  }
  switch (mail.number % 16) {
    case 1:
      lines.push(line(`AUTH=server, relay=${relay} (may be forged), authid=${mail.sender}, mech=PLAIN, bits=0`));
      break;
    case 3:
      lines.push(
        line(
          `ruleset=check_rcpt, arg1=<${recipient}>, relay=${relay}, reject=550 5.1.1 <${recipient}>... User unknown`,
        ),
      );
      break;
    case 5:
      lines.push(line(`${mail.qid}: Milter (pps): init failed to open`));
      break;
    case 8:
      lines.push(line(`${mail.qid}: timeout waiting for input from ${mail.senderHost} during server cmd read`));
      break;
    case 10:
      lines.push(
        line(
          `${mail.qid}: SYSERR(root): collect: I/O error on connection from ${mail.senderHost}, from=<${mail.sender}>`,
        ),
      );
      break;
    case 12:
      // Some gateways log no queue id at all.
      lines.push(
        line(`to=<${recipient}>, delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30000, dsn=4.0.0, stat=Deferred`),
      );
      break;
    default:
  }
  return lines;
}
