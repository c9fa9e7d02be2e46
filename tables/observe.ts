/** The observables of a row: taken from every column and nested field whose schema calls it one, by a walk that is laid out once per table. */
import type { z } from 'zod';
import { addressIn, hostOf } from './address.ts';
import { columnMeta, columnType, fieldsWithin, type Observable } from './column.ts';
import { canonicalDomain, canonicalEmail, canonicalHash, canonicalIp, mailboxAddresses } from './observable.ts';
import type { Row } from './table.ts';

interface Found {
  readonly ip: string[];
  readonly domain: string[];
  readonly url: string[];
  readonly email: string[];
  readonly hash: string[];
}

type Gather<T> = (value: T, found: Found) => void;

/** Fills the columns `obs_…` of a row from its other columns: each value once, null where there is none. */
export function observer(shape: Readonly<Record<string, z.ZodType>>): (row: Row) => void {
  const steps = stepsOf(shape);
  return (row) => {
    const found: Found = { ip: [], domain: [], url: [], email: [], hash: [] };
    walk(row, steps, found);
    row['obs_ip'] = distinct(found.ip);
    row['obs_domain'] = distinct(found.domain);
    row['obs_url'] = distinct(found.url);
    row['obs_email'] = distinct(found.email);
    row['obs_hash'] = distinct(found.hash);
  };
}

interface Step {
  readonly name: string;
  readonly gather: Gather<never>;
}

function stepsOf(fields: Readonly<Record<string, z.ZodType>>): Step[] {
  return Object.entries(fields).flatMap(([name, schema]) => {
    const gather = gatherOf(schema);
    return gather === undefined ? [] : [{ name, gather }];
  });
}

function gatherOf(schema: z.ZodType): Gather<string> | Gather<string[]> | Gather<Row[]> | undefined {
  const { observable } = columnMeta(schema);
  if (observable !== undefined) {
    const gather = gatherers[observable];
    if (gather === undefined || columnType(schema).kind !== 'list') return gather;
    return (values: string[], found: Found) => {
      for (const value of values) gather(value, found);
    };
  }
  const fields = fieldsWithin(schema);
  const steps = fields === undefined ? [] : stepsOf(fields);
  if (steps.length === 0) return undefined;
  return (rows: Row[], found: Found) => {
    for (const row of rows) walk(row, steps, found);
  };
}

function walk(row: Row, steps: readonly Step[], found: Found): void {
  for (const { name, gather } of steps) {
    const value = row[name];
    if (value !== null) gather(value as never, found);
  }
}

/** The other kinds are searched in their own columns. */
const gatherers: Readonly<Partial<Record<Observable, Gather<string>>>> = {
  ip: gatherIp,
  domain: gatherHost,
  url: gatherUrl,
  email: gatherEmail,
  hash: gatherHash,
  any: gatherAny,
};

function gatherIp(text: string, { ip }: Found): void {
  const address = canonicalIp(text);
  if (address !== null) ip.push(address);
}

/** A name, or an address in its place (`[192.0.2.1]`). */
function gatherHost(text: string, found: Found): void {
  if (holds(found.domain, text)) return;
  const domain = canonicalDomain(text);
  if (domain === null) gatherIp(text, found);
  else found.domain.push(domain);
}

function gatherUrl(text: string, found: Found): void {
  if (text.startsWith('mailto:')) {
    const query = text.indexOf('?');
    gatherEmail(text.slice('mailto:'.length, query < 0 ? text.length : query), found);
    return;
  }
  const host = hostOf(text);
  if (host === null) return;
  found.url.push(text);
  gatherHost(host, found);
}

/** One mailbox or a list of them. */
function gatherEmail(text: string, found: Found): void {
  if (holds(found.email, text)) return;
  if (text.includes(',') || text.includes(';')) {
    for (const address of mailboxAddresses(text)) gatherAddress(address, found);
  } else gatherAddress(addressIn(text), found);
}

function gatherAddress(address: string | null, found: Found): void {
  const email = address === null ? null : canonicalEmail(address);
  if (email === null || holds(found.email, email)) return;
  found.email.push(email);
  gatherHost(email.slice(email.lastIndexOf('@') + 1), found);
}

function gatherHash(text: string, { hash }: Found): void {
  const digest = canonicalHash(text);
  if (digest !== null) hash.push(digest);
}

function gatherAny(text: string, found: Found): void {
  const digest = canonicalHash(text);
  if (digest !== null) found.hash.push(digest);
  else if (text.includes('://')) gatherUrl(text, found);
  else if (text.includes('@')) gatherEmail(text, found);
  else if (text.includes('/')) gatherUrl(text, found);
  else gatherHost(text, found);
}

/** Up to so many values, looking through the list is faster than a Set. */
const fewValues = 16;

/** Addresses and domains stand in many columns of one row: those that are known by now need not be looked at again. */
function holds(values: readonly string[], value: string): boolean {
  return values.length <= fewValues && values.includes(value);
}

function distinct(values: string[]): string[] | null {
  if (values.length === 0) return null;
  if (values.length > fewValues) return Array.from(new Set(values));
  let kept = 0;
  for (const value of values) if (values.indexOf(value) >= kept) values[kept++] = value;
  values.length = kept;
  return values;
}
