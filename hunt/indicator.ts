/** Indicators as analysts write them, in the forms in which columns may hold them. Pure. */
import type { z } from 'zod';
import { IngestError } from '../errors/ingest-error.ts';
import { unbracket } from '../tables/address.ts';
import { columnMeta, fieldsWithin, type Observable, type SearchedAlone } from '../tables/column.ts';
import { canonicalDomain, canonicalEmail, canonicalHash, canonicalIp } from '../tables/observable.ts';

/** What the values of a text column are. */
export interface Meaning {
  readonly kind: Observable | Exclude<SearchedAlone, 'own_ip'>;
  /** Set for the columns `obs_…`, which hold nothing else, in canonical form. */
  readonly isCanonical: boolean;
}

const gathered: ReadonlyMap<string, Observable> = new Map(
  (['ip', 'domain', 'url', 'email', 'hash'] as const).map((kind) => [`obs_${kind}`, kind]),
);

/** Undefined where the values are text like any other. `fields` are those of a table, or of a struct. */
export function meaningOf(
  fields: Readonly<Record<string, z.ZodType>>,
  [field = '', ...path]: readonly string[],
): Meaning | undefined {
  const kind = gathered.get(field);
  if (kind !== undefined) return { kind, isCanonical: true };
  const schema = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (schema === undefined) return undefined;
  const { observable } = columnMeta(schema);
  if (observable !== undefined) return { kind: observable === 'own_ip' ? 'ip' : observable, isCanonical: false };
  const within = fieldsWithin(schema);
  return within === undefined ? undefined : meaningOf(within, path);
}

/**
 * What a column of this meaning may hold where `value` is asked for; stars stay stars.
 * @throws IngestError `lake.query` where an indicator is asked for that is none
 */
export function formsOf(field: string, value: string, { kind, isCanonical }: Meaning): string[] {
  if (kind === 'subject' || kind === 'filename') return [value];
  // as the column is compared
  if (kind === 'message_id') return [value.replaceAll(/^[<>]+|[<>]+$/g, '')];
  const plain = refang(value);
  const canonical = canonicalForms[kind]?.(plain);
  if (!isCanonical || canonical === undefined) return inAnyCase([value, plain, canonical ?? plain]);
  if (canonical !== null) return [canonical];
  if (plain.includes('*')) return [plain];
  throw new IngestError('lake.query', `search: ${field} is ${expected[kind]}, and ${JSON.stringify(value)} is not`);
}

/** Each once: columns are compared in either case. */
function inAnyCase(forms: readonly string[]): string[] {
  return forms.filter((form, index) => forms.findIndex((each) => each.toLowerCase() === form.toLowerCase()) === index);
}

/** As the columns `obs_…` hold them; null for what is none. URLs stand there as they were given. */
const canonicalForms: Readonly<Partial<Record<Observable, (text: string) => string | null>>> = {
  ip: canonicalIp,
  domain: (text) => {
    const below = text.startsWith('*.') ? '*.' : '';
    const domain = canonicalDomain(text.slice(below.length));
    return domain === null ? null : below + domain;
  },
  email: (text) => canonicalEmail(unbracket(text)),
  hash: canonicalHash,
};

const expected: Readonly<Partial<Record<Observable, string>>> = {
  ip: 'an address or a network, such as 192.0.2.1 or 192.0.2.0/24',
  domain: 'the name of a host, such as mail.example.com',
  email: 'an e-mail address',
  hash: 'an MD5, SHA-1, SHA-256 or SHA-512 hash in hexadecimal',
};

/** `hxxps://evil[.]example` as it was before somebody made it harmless; any other text as it is. */
export function refang(text: string): string {
  return text
    .replaceAll(/[[(](\.|dot)[\])]/gi, '.')
    .replaceAll(/[[(](@|at)[\])]/gi, '@')
    .replaceAll(/\[(:|:\/\/)\]/g, '$1')
    .replaceAll(/\bhxxp(?=s?:\/\/)/gi, 'http');
}
