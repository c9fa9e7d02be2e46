/** One mail, one story: every source (TAP, PoD, gateway logs) tells of the same mails, so identifiers join across all of them. */
import { type Random, seeded } from './random.ts';
import { type Threat, threatOf } from './threat.ts';
import { address, ciphers, correspondent, countries, hourMs, homeDomain, person, subjects } from './world.ts';

/** What the gateway made of it. `missed` was let through and recognised as a threat later. */
type Fate = 'clean' | 'missed' | 'spam' | 'phish' | 'malware' | 'impostor';

export interface MailPart {
  readonly contentType: string;
  readonly extension: string;
  readonly disposition: 'inline' | 'attached';
  readonly filename: string;
  readonly md5: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

interface Gateway {
  readonly host: string;
  readonly clusterId: string;
  readonly offsetMinutes: number;
}

export interface Mail {
  /** Position in its hour. */
  readonly number: number;
  /** When the session began, microseconds since 1970 UTC. */
  readonly startMicros: number;
  readonly fate: Fate;
  readonly threat: Threat | undefined;
  readonly gateway: Gateway;
  /** Gateway session id: `s=` of the filter log, `connection.sid` of PoD. */
  readonly sid: string;
  /** Sendmail queue id. */
  readonly qid: string;
  /** The same in TAP, PoD and the filter log. */
  readonly guid: string;
  /** With angle brackets. */
  readonly messageId: string;
  readonly subject: string;
  readonly sender: string;
  readonly senderName: string;
  readonly senderDomain: string;
  readonly senderIp: string;
  readonly senderHost: string;
  readonly country: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  readonly parts: readonly MailPart[];
  readonly urls: readonly string[];
  readonly cipher: string;
}

const fates: readonly Fate[] = [
  'clean',
  'phish',
  'clean',
  'missed',
  'spam',
  'clean',
  'malware',
  'clean',
  'missed',
  'clean',
  'phish',
  'clean',
  'spam',
  'impostor',
  'missed',
  'clean',
];
const threatPositions = fates.flatMap((fate, position) => (fate === 'clean' || fate === 'spam' ? [] : [position]));
const recipientCounts = [1, 1, 2, 1, 1, 1, 3, 1, 1, 5, 1, 1] as const;

/** Fixed by its number, so that it is known without telling the story. */
export const fateOf = (number: number): Fate => fates[number % fates.length] ?? 'clean';
export const recipientCountOf = (number: number): number => recipientCounts[number % recipientCounts.length] ?? 1;

/** Whether the gateway let it through. */
export const passes = ({ fate }: Pick<Mail, 'fate'>): boolean => fate === 'clean' || fate === 'missed';

/** The number of the nth mail of an hour that carries a threat. */
export const threatMailNumber = (nth: number): number =>
  Math.floor(nth / threatPositions.length) * fates.length + (threatPositions[nth % threatPositions.length] ?? 0);

/** Spread evenly over the hour however many mails are told of (golden-ratio sequence). Microseconds since 1970 UTC. */
export function mailStartMicros(hour: number, number: number): number {
  const phase = ((hour / hourMs) * Math.SQRT2 + number * 0.618_033_988_749_894_9) % 1;
  return hour * 1000 + Math.floor(phase * hourMs * 1000);
}

const offsetsMinutes = [-360, 60, 0, -420, 330];
const base32 = '0123456789abcdefghjkmnpqrstvwxyz';
const base64Url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const base62 = base64Url.slice(0, 62);

/** The mail of that number in the hour (its start, milliseconds) of a tenant. */
export function mailOf(of: { seed: string; tenant: string; hour: number; number: number }): Mail {
  const { seed, tenant, hour, number } = of;
  const random = seeded(seed, tenant, 'mail', hour, number);
  const fate = fateOf(number);
  const threat =
    fate === 'clean' || fate === 'spam'
      ? undefined
      : threatOf({ seed, tenant, timeMs: hour, index: threatIndex(fate, random) });
  const senderDomain = threat?.classification === 'phish' ? threat.domain : correspondent(random);
  const sender = person(random, senderDomain);
  const home = homeDomain(tenant);
  const parts = partsOf(random, threat);
  return {
    number,
    startMicros: mailStartMicros(hour, number),
    fate,
    threat,
    gateway: gatewayOf(tenant, number),
    sid: random.text(10, base32),
    qid: `${random.text(8, base62)}${String(random.int(1, 999_999)).padStart(6, '0')}`,
    guid: random.text(32, base64Url),
    messageId: `<${random.hex(12)}.${random.int(1000, 9999)}@${senderDomain}>`,
    subject: random.pick(subjects),
    // Bounce addresses of mailing services hold "=" (variable envelope return path).
    sender: random.chance(0.1) ? `bounce+${random.hex(6)}=${number}@${senderDomain}` : sender.address,
    senderName: sender.name,
    senderDomain,
    senderIp: address(random),
    senderHost: `out${random.int(1, 9)}.${senderDomain}`,
    country: random.pick(countries),
    recipients: recipientsOf(random, home, recipientCountOf(number)),
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, random.int(1500, 6000)),
    parts,
    urls: urlsOf(random, threat),
    cipher: random.pick(ciphers),
  };
}

function threatIndex(fate: Exclude<Fate, 'clean' | 'spam'>, random: Random): number {
  const kinds = { missed: [0, 1, 2, 3, 5], phish: [0, 5], malware: [1, 2], impostor: [4] }[fate];
  return random.pick(kinds) + 6 * random.int(0, 3);
}

/** Two nodes, each with a clock of its own zone. */
function gatewayOf(tenant: string, number: number): Gateway {
  const node = number % 2;
  return {
    host: `mx0${node + 1}.${homeDomain(tenant)}`,
    clusterId: `${tenant.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_hosted`,
    offsetMinutes: offsetsMinutes[(tenant.length + node) % offsetsMinutes.length] ?? 0,
  };
}

function recipientsOf(random: Random, domain: string, count: number): string[] {
  const recipients = new Set<string>();
  while (recipients.size < count) recipients.add(person(random, domain).address);
  return [...recipients];
}

function partsOf(random: Random, threat: Threat | undefined): MailPart[] {
  const body = (contentType: string, extension: string): MailPart => ({
    contentType,
    extension,
    disposition: 'inline',
    filename: `text.${extension}`,
    md5: random.hex(32),
    sha256: random.hex(64),
    sizeBytes: random.int(200, 40_000),
  });
  const parts = [body('text/plain', 'txt')];
  if (random.chance(0.8)) parts.push(body('text/html', 'html'));
  if (random.chance(0.2)) {
    parts.push({ ...body('image/png', 'png'), disposition: 'attached', filename: `logo ${random.int(1, 99)}.png` });
  }
  if (threat?.type === 'attachment') {
    const { filename, md5, sha256 } = threat;
    const extension = filename.slice(filename.lastIndexOf('.') + 1);
    parts.push({ ...body('application/octet-stream', extension), disposition: 'attached', filename, md5, sha256 });
  }
  return parts;
}

function urlsOf(random: Random, threat: Threat | undefined): string[] {
  // Newsletters with hundreds of links make the records of tens of kilobytes that real streams hold.
  const count = random.chance(0.002) ? 400 : random.int(0, 3);
  const urls = Array.from({ length: count }, () => `https://www.${correspondent(random)}/p/${random.hex(8)}?a=1&b=2`);
  if (threat?.type === 'url') urls.push(threat.url);
  return urls;
}
