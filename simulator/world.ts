/** The people, domains, addresses and words of the simulated world. Names and addresses are those reserved for documentation (RFC 2606, 5737, 3849). */
import type { Random } from './random.ts';

export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

const givenNames = [
  'ada',
  'bruno',
  'chiara',
  'dmitri',
  'elif',
  'farah',
  'goran',
  'hana',
  'ines',
  'jonas',
  'kofi',
  'lena',
];
const familyNames = ['almeida', 'bauer', 'chen', 'dupont', 'eriksen', 'fischer', 'garcia', 'haddad', 'ito', 'jensen'];
const correspondents = [
  'example.com',
  'example.net',
  'example.org',
  'mail.example.com',
  'news.example.net',
  'partner.example',
];
const evilWords = ['login', 'parcel', 'invoice', 'secure', 'portal', 'voicemail', 'docs', 'payroll', 'verify'];

export const subjects = [
  'Minutes of the Tuesday call',
  'Re: Offer 2291, revised',
  'Ihre Rechnung vom 14. März',
  'Votre colis est prêt',
  '見積書をお送りします',
  'Überweisung heute noch nötig?',
  'Newsletter: what is new in November',
  'Fwd: "quoted, with = and \\ inside"',
  'Lunch 🍜 on Friday',
  'Отчёт за неделю',
  'Password expires in 24 hours',
  'You have (1) new voicemail',
];

export const userAgents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
  'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0',
];

export const modulesRun = ['av', 'zerohour', 'spf', 'dkimv', 'dmarc', 'sandbox', 'spam', 'pdr', 'urldefense'];
export const policyRoutes = ['default_inbound', 'firewallsafe', 'allow_relay', 'executives', 'tls'];
export const ciphers = ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256', 'TLS_AES_256_GCM_SHA384'];
export const countries = ['us', 'de', 'fr', 'jp', 'br', '**'];

/** The mail domain of a tenant's own people. */
export const homeDomain = (tenant: string) => `${tenant.toLowerCase().replaceAll(/[^a-z0-9-]+/g, '-')}.example`;

export function person(random: Random, domain: string): { name: string; address: string } {
  const given = random.pick(givenNames);
  const family = random.pick(familyNames);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return { name: `${capital(given)} ${capital(family)}`, address: `${given}.${family}@${domain}` };
}

export const correspondent = (random: Random) => random.pick(correspondents);

export const evilDomain = (random: Random) =>
  `${random.pick(evilWords)}-${random.pick(evilWords)}-${random.hex(4)}.test`;

/** Mostly IPv4; one in eight is IPv6. */
export function address(random: Random): string {
  if (random.chance(0.125)) return `2001:db8:${random.hex(4)}::${random.int(1, 9999).toString(16)}`;
  return `${random.pick(['192.0.2', '198.51.100', '203.0.113'])}.${random.int(1, 254)}`;
}

/** `2024-05-22T12:10:03.058Z`. */
export const isoMillis = (timeMs: number) => new Date(timeMs).toISOString();

/** `2024-05-22T12:10:03Z`, rounded down. */
export const isoSeconds = (timeMs: number) => `${isoMillis(timeMs).slice(0, 19)}Z`;

/** Start of the hour that holds the time, milliseconds. */
export const hourOf = (timeMs: number) => Math.floor(timeMs / hourMs) * hourMs;
