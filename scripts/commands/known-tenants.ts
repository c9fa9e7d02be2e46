/** Whether a tenant that is asked for is one: a misspelt name must not look like one without events, letters or gaps. */
import type { Client } from '@temporalio/client';
import type { LakeReader } from '../../lake/reader.ts';
import { inList } from '../../lake/sql.ts';
import { UsageError } from '../output.ts';
import { runningSources } from '../source-registry.ts';

/** Where a command can look: what is in the lake, and what runs. */
interface Places {
  readonly lake?: LakeReader;
  readonly client?: Client;
}

/** So many names are told. */
const namesMax = 20;

/**
 * To be called for those that nothing was found of.
 * @throws UsageError where one has neither a batch in the ledger nor a running source
 */
export async function mustBeTenants(asked: readonly string[], places: Places): Promise<void> {
  if (asked.length === 0) return;
  const found = await tenantsOf(places, asked);
  const unknown = asked.filter((tenant) => !found.has(tenant));
  if (unknown.length === 0) return;
  const all = Array.from(await tenantsOf(places)).toSorted();
  const names = unknown.map((each) => JSON.stringify(each)).join(', ');
  const has = [...(places.lake ? ['a batch in the lake'] : []), ...(places.client ? ['a source that runs'] : [])];
  throw new UsageError(
    `no tenant ${names} has ${has.join(' or ')} (the case of letters counts); known: ${namesTold(all)}`,
  );
}

export function namesTold(all: readonly string[]): string {
  if (all.length === 0) return 'none';
  return all.slice(0, namesMax).join(', ') + (all.length > namesMax ? ` and ${all.length - namesMax} more` : '');
}

/** `only`: of these, which reads little of the ledger. */
async function tenantsOf({ lake, client }: Places, only?: readonly string[]): Promise<Set<string>> {
  const where = only === undefined ? '' : `WHERE tenant_id IN ${inList(only)}`;
  const rows = (await lake?.query(`SELECT DISTINCT tenant_id FROM batches ${where}`))?.rows ?? [];
  const running =
    client === undefined
      ? []
      : await Promise.all((only ?? [undefined]).map((tenant) => runningSources(client, tenant)));
  return new Set([...rows.map((row) => String(row['tenant_id'])), ...running.flat().map(({ tenantId }) => tenantId)]);
}
