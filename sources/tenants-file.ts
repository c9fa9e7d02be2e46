/** Reads tenants.yaml. */
import { LineCounter, parseDocument } from 'yaml';
import { IngestError } from '../errors/ingest-error.ts';
import type { SourceName } from './batch.ts';
import { type SourceSettings, tenantsFile } from './settings.ts';

export interface ConfiguredSource extends SourceName {
  readonly settings: SourceSettings;
}

/**
 * The sources of a tenants.yaml, checked whole: one fault and nothing of it counts.
 * @throws IngestError `config.invalid` with place and reason of every fault
 */
export function parseTenantsFile(text: string, fileName: string): ConfiguredSource[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new IngestError('config.invalid', `${fileName}: line ${line}, column ${col}: ${fault.message}`);
  }
  const checked = tenantsFile.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!checked.success) {
    const faults = checked.error.issues.map((issue) => {
      const path = issue.path.map(String);
      const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
      const line = node?.range === undefined ? '' : ` (line ${lines.linePos(node.range[0]).line})`;
      return `${path.join('.') || 'the file'}${line}: ${issue.message}`;
    });
    throw new IngestError('config.invalid', `${fileName}: ${faults.join('; ')}`);
  }
  const sources = Object.entries(checked.data.tenants).flatMap(([tenantId, tenant]) =>
    Object.entries(tenant.sources).map(([sourceId, settings]) => ({ tenantId, sourceId, settings })),
  );
  refuseSharedCredentials(sources, fileName);
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
