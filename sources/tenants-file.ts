/** Reads tenants.yaml. */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { IngestError } from '../errors/ingest-error.ts';
import type { SourceName } from './batch.ts';
import { queuesOf } from './s3/queue-routes.ts';
import { type SourceSettings, tenantsFile } from './settings.ts';
import { refuseSharedObjects } from './shared-objects.ts';

export interface ConfiguredSource extends SourceName {
  readonly settings: SourceSettings;
}

/**
 * The sources of a tenants.yaml, checked whole: one fault and nothing of it counts.
 * @throws IngestError `config.invalid` with place and reason of every fault; it repeats no value, which might be a secret
 */
export function parseTenantsFile(text: string, fileName: string): ConfiguredSource[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    const path = fault.code === 'DUPLICATE_KEY' ? `${keyPathAt(document, fault.pos[0])}: ` : '';
    throw new IngestError(
      'config.invalid',
      `${fileName}: line ${line}, column ${col}: ${path}${syntaxWords[fault.code] ?? fault.message}`,
    );
  }
  const checked = tenantsFile.safeParse(plainValue(document, fileName, lines), { error: faultWords });
  if (!checked.success) {
    const faults = checked.error.issues.flatMap(pathsOf).map(({ path, message }) => {
      const { line } = lines.linePos(offsetOf(document, path));
      return `${path.join('.') || 'the file'} (line ${line}): ${message}`;
    });
    throw new IngestError('config.invalid', `${fileName}: ${faults.join('; ')}`);
  }
  const sources = Object.entries(checked.data.tenants).flatMap(([tenantId, tenant]) =>
    Object.entries(tenant.sources).map(([sourceId, settings]) => ({ tenantId, sourceId, settings })),
  );
  refuseSharedCredentials(sources, fileName);
  refuseSharedObjects(sources, fileName);
  // what sources say of a queue that they share must agree
  queuesOf(sources, fileName);
  return sources;
}

/** The vendor's allowance belongs to the credential: two sources that count for themselves would spend it twice. */
function refuseSharedCredentials(sources: readonly ConfiguredSource[], fileName: string): void {
  const users = new Map<string, string>();
  for (const { tenantId, sourceId, settings } of sources) {
    if (settings.kind !== 'tap') continue;
    const credential = `${settings.baseUrl} ${settings.principal}`;
    const path = `tenants.${tenantId}.sources.${sourceId}`;
    const other = users.get(credential);
    if (other !== undefined) {
      throw new IngestError(
        'config.invalid',
        `${fileName}: ${path}: uses the same principal (${settings.principal}) as ${other}; one credential has one allowance, so it serves one source`,
      );
    }
    users.set(credential, path);
  }
}

/** In place of the parser's words where those quote the file, or say less. */
const syntaxWords: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'stands twice',
  TAG_RESOLVE_FAILED: 'a value that begins with ! needs quotes',
  BAD_COLLECTION_TYPE: 'a value that begins with ! needs quotes',
  BAD_DQ_ESCAPE: 'a backslash within double quotes begins an escape that YAML does not know',
  MULTIPLE_DOCS: 'a second document begins, and the file is one',
  BAD_DIRECTIVE: 'a line that begins with % is no directive of YAML',
  UNEXPECTED_TOKEN: 'this cannot stand here; a value with special characters needs quotes',
};

function plainValue(document: Document.Parsed, fileName: string, lines: LineCounter): unknown {
  let unresolved = 0;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      unresolved = startOf(alias) ?? 0;
      return visit.BREAK;
    },
  });
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    // its message names the alias, which may be a secret that begins with *
    const { line } = lines.linePos(unresolved);
    throw new IngestError(
      'config.invalid',
      `${fileName}: line ${line}: an alias of nothing, or too many aliases; a value that begins with * needs quotes`,
    );
  }
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text (a number needs quotes)',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

/** In place of zod's words, where settings.ts has none. */
function faultWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${typeWords[issue.expected] ?? issue.expected}`;
    case 'invalid_union':
      return 'must be tap or s3; other kinds, pod among them, are not supported by this version';
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'must be an http or https URL' : undefined;
    case 'unrecognized_keys':
      return 'is no setting';
    default:
      return undefined;
  }
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function pathsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }));
  if (issue.code === 'invalid_key') return [{ path: issue.path, message: issue.issues[0]?.message ?? issue.message }];
  return [{ path: issue.path, message: issue.message }];
}

/** Where the key of a path stands, or the nearest one above it. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => keyText(key) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    }
  }
  return offset;
}

/** The path of the key at an offset. */
function keyPathAt(document: Document.Parsed, offset: number): string {
  let path: string[] = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      if (startOf(pair.key) !== offset) return;
      path = [...ancestors, pair].flatMap((each) => ('key' in each ? [keyText(each.key)] : []));
      return visit.BREAK;
    },
  });
  return path.join('.');
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] } | null | undefined)?.range?.[0];
}
