/** Keeps one object from becoming the rows of two tenants, or being read twice into one table, by a slip in tenants.yaml. */
import { IngestError } from '../errors/ingest-error.ts';
import { chooseTable } from '../tables/choice.ts';
import type { SourceName } from './batch.ts';
import type { S3Settings, SourceSettings } from './settings.ts';

interface ObjectSource extends SourceName {
  readonly settings: S3Settings;
}

/**
 * Two tenants may read the same place only where both sources say `shared`; one tenant may, but not into the same table.
 * @throws IngestError `config.invalid` with the paths of the first two that do
 */
export function refuseSharedObjects(
  sources: readonly (SourceName & { readonly settings: SourceSettings })[],
  fileName: string,
): void {
  const places = new Map<string, ObjectSource[]>();
  for (const { settings, ...name } of sources) {
    if (settings.kind !== 's3') continue;
    const source = { ...name, settings };
    const place = JSON.stringify([storeOf(settings), settings.bucket]);
    const others = places.get(place) ?? [];
    for (const other of others) {
      const fault = faultOf(source, other);
      if (fault !== undefined) {
        throw new IngestError(
          'config.invalid',
          `${fileName}: ${pathOf(source)}: ${fault.replace('OTHER', pathOf(other))}`,
        );
      }
    }
    places.set(place, [...others, source]);
  }
}

/**
 * The same text for the same store, however it is written: many a store answers by http and https alike. Names of buckets are unique in a
 * partition of AWS, whatever the endpoint:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
function storeOf({ endpoint, region }: S3Settings): string {
  if (endpoint === undefined) return partitionOf(region);
  const { hostname, port, pathname } = new URL(endpoint);
  const host = hostname.replace(/\.$/, '');
  if (/\.amazonaws\.com(\.cn)?$/.test(host)) return partitionOf(host);
  return `//${host}:${port}${pathname.replace(/\/+$/, '')}`;
}

/** Some stores that are not AWS keep keys as paths, in which slashes at the start or side by side mean nothing. */
function foldedPrefix(settings: S3Settings): string {
  const { prefix } = settings;
  return storeOf(settings).startsWith('//') ? prefix.replaceAll(/\/{2,}/g, '/').replace(/^\//, '') : prefix;
}

/** Of a region, or of a host, whose name holds one: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html */
function partitionOf(name: string): string {
  return /\b(cn|us-gov)-[a-z]+-\d\b/.exec(name)?.[1] ?? 'aws';
}

function faultOf(one: ObjectSource, other: ObjectSource): string | undefined {
  const [prefix, otherPrefix] = [foldedPrefix(one.settings), foldedPrefix(other.settings)];
  if (!prefix.startsWith(otherPrefix) && !otherPrefix.startsWith(prefix)) return undefined;
  if (one.tenantId !== other.tenantId) {
    if (one.settings.shared && other.settings.shared) return undefined;
    return 'reads the same objects as OTHER, of another tenant; where that is meant, say shared: true in both';
  }
  const tables = new Set(chooseTable(one.settings.table).tables);
  if (!chooseTable(other.settings.table).tables.some((table) => tables.has(table))) return undefined;
  return 'reads the same objects into the same table as OTHER; give each a prefix of its own';
}

function pathOf({ tenantId, sourceId }: SourceName): string {
  return `tenants.${tenantId}.sources.${sourceId}`;
}
