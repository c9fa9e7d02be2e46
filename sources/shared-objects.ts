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
    const place = JSON.stringify([
      settings.endpoint === undefined ? '' : new URL(settings.endpoint).href,
      settings.bucket,
    ]);
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

function faultOf(one: ObjectSource, other: ObjectSource): string | undefined {
  const [prefix, otherPrefix] = [one.settings.prefix, other.settings.prefix];
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
