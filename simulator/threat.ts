/** Threats a tenant meets: the same ones all week, some of them parts of campaigns, so that mails, clicks and logs point at one another. */
import { seeded } from './random.ts';
import { dayMs, evilDomain } from './world.ts';

export interface Threat {
  /** SHA-256, hexadecimal. */
  readonly id: string;
  readonly type: 'url' | 'attachment' | 'messageText';
  readonly classification: 'phish' | 'malware' | 'spam' | 'impostor';
  readonly status: 'active' | 'cleared' | 'falsePositive';
  readonly campaignId: string | null;
  readonly domain: string;
  readonly url: string;
  /** Digests of the malicious file, for attachments. */
  readonly sha256: string;
  readonly md5: string;
  readonly filename: string;
  readonly actor: { readonly id: string; readonly name: string; readonly type: string } | undefined;
  /** When it was first known, milliseconds: in the week before the one it is met in. */
  readonly firstSeenMs: number;
}

const threatsPerWeek = 24;
const weekMs = 7 * dayMs;

const kinds = [
  { type: 'url', classification: 'phish' },
  { type: 'url', classification: 'malware' },
  { type: 'attachment', classification: 'malware' },
  { type: 'url', classification: 'spam' },
  { type: 'messageText', classification: 'impostor' },
  { type: 'attachment', classification: 'phish' },
] as const;

/** Told once a week and reused: every event of the week asks for one of these. */
const known = new Map<string, Threat>();

/** The threat number `index` of the week that holds the time; numbers wrap around after 24. */
export function threatOf(of: { seed: string; tenant: string; timeMs: number; index: number }): Threat {
  const week = Math.floor(of.timeMs / weekMs);
  const index = of.index % threatsPerWeek;
  const key = `${of.seed}/${of.tenant}/${week}/${index}`;
  const threat = known.get(key) ?? tellThreat(of.seed, of.tenant, week, index);
  if (known.size > 5000) known.clear();
  known.set(key, threat);
  return threat;
}

function tellThreat(seed: string, tenant: string, week: number, index: number): Threat {
  const random = seeded(seed, tenant, 'threat', week, index);
  const kind = kinds[index % kinds.length] ?? kinds[0];
  const sha256 = random.hex(64);
  const domain = evilDomain(random);
  const campaign = index % 3 === 0;
  return {
    ...kind,
    id: kind.type === 'attachment' ? sha256 : random.hex(64),
    status: index === 23 ? 'falsePositive' : index % 8 === 5 ? 'cleared' : 'active',
    // Six campaigns a week at most: every ninth threat shares one with a neighbour.
    campaignId: campaign ? seeded(seed, tenant, 'campaign', week, index % 9).uuid() : null,
    domain,
    url: `https://${domain}/${random.pick(['track', 'view', 'sign-in'])}?id=${random.hex(12)}`,
    sha256,
    md5: random.hex(32),
    filename: random.pick(['Rechnung 2291.pdf.html', 'scan_0042.xlsm', 'statement "final".docx', 'remittance.iso']),
    actor: campaign
      ? { id: random.uuid(), name: `TA${random.int(100, 999)}`, type: random.pick(['E-crime', 'State sponsored']) }
      : undefined,
    firstSeenMs: week * weekMs - random.int(1, weekMs),
  };
}
