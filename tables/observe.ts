/** The observables of a row: taken from every column and nested field whose schema calls it one, by a walk that is laid out once per table. */
import { unescape } from 'node:querystring';
import type { z } from 'zod';
import { addressesIn, hostOf, isAddress, schemeOf } from './address.ts';
import { columnMeta, columnType, fieldsWithin, type Observable, type SearchedAlone } from './column.ts';
import { canonicalDomain, canonicalEmail, canonicalHash, canonicalHost, canonicalIp } from './observable.ts';
import type { Row } from './table.ts';
import { isUrlDefenseHost, originalUrl } from './url-defense.ts';

interface Found {
  readonly ip: string[];
  readonly domain: string[];
  readonly url: string[];
  readonly email: string[];
  readonly hash: string[];
}

type Gather<T> = (value: T, found: Found) => unknown;

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
const gatherers: Readonly<Partial<Record<Observable | SearchedAlone, Gather<string>>>> = {
  ip: gatherIp,
  domain: gatherHost,
  url: gatherUrl,
  email: gatherEmail,
  hash: gatherHash,
  any: gatherAny,
  artifact: gatherArtifact,
};

function gatherIp(text: string, { ip }: Found): void {
  const address = canonicalIp(text);
  if (address !== null) ip.push(address);
}

/** A name, or an address in its place (`[192.0.2.1]`). Gives the name in its one form. */
function gatherHost(text: string, found: Found): string | null {
  if (holds(found.domain, text)) return text;
  const domain = canonicalDomain(text);
  if (domain === null) gatherIp(text, found);
  // every rewritten URL leads there
  else if (!isUrlDefenseHost(domain)) found.domain.push(domain);
  return domain;
}

/** Whether the text was a URL. One that was rewritten is found both as it is and as it was. */
function gatherUrl(text: string, found: Found): boolean {
  const url = text.trim();
  const original = originalUrl(url);
  if (original === url) return gatherOriginal(url, found);
  found.url.push(url);
  gatherOriginal(original, found);
  return true;
}

function gatherOriginal(url: string, found: Found): boolean {
  const scheme = schemeOf(url);
  // names a part of the message
  if (scheme === 'cid') return true;
  if (scheme === 'mailto') {
    const query = url.indexOf('?');
    gatherEmail(unescape(url.slice('mailto:'.length, query < 0 ? url.length : query)), found);
    return true;
  }
  const host = canonicalHost(url);
  if (host !== null) gatherHost(host, found);
  else if (scheme === null || hostOf(url) === null) return false;
  found.url.push(url);
  return true;
}

/** One mailbox or a list of them. */
function gatherEmail(text: string, found: Found): void {
  if (holds(found.email, text)) return;
  if (isAddress(text)) gatherAddress(text, found);
  else for (const address of addressesIn(text)) gatherAddress(address, found);
}

function gatherAddress(address: string, found: Found): void {
  const domain = gatherHost(address.slice(address.lastIndexOf('@') + 1), found);
  const email = canonicalEmail(address, domain);
  if (email !== null && !holds(found.email, email)) found.email.push(email);
}

function gatherHash(text: string, { hash }: Found): void {
  const digest = canonicalHash(text);
  if (digest !== null) hash.push(digest);
}

/** Local parts may have any mark of a URL: `park_harbor.example#EXT#@tenant.example`. */
function gatherAny(text: string, found: Found): void {
  if (text.includes('@') && !text.includes('://')) gatherEmail(text, found);
  else gatherArtifact(text, found);
}

/** URLs may lack their scheme and hold an address: what has no host before the marks of a URL is an address after all. */
function gatherArtifact(text: string, found: Found): void {
  const digest = canonicalHash(text);
  if (digest !== null) found.hash.push(digest);
  else if (hasUrlMark(text) && canonicalIp(text) === null && gatherUrl(text, found)) return;
  else if (text.includes('@')) gatherEmail(text, found);
  else gatherHost(text, found);
}

/** What ends a scheme or a host. */
function hasUrlMark(text: string): boolean {
  return text.includes(':') || text.includes('/') || text.includes('?') || text.includes('#');
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
