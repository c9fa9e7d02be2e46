/** Drift in the lake: written with the batch that brought it, read aggregated, acknowledged by operators. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Row, TableName } from '../tables/table.ts';
import { otherPaths, pathsMax, type Sighting } from './drift-watch.ts';
import type { LakeReader } from './reader.ts';
import { offerRows } from './row-feed.ts';
import { driftTable } from './schema.ts';
import { quote } from './sql.ts';
import type { SealedStage } from './stage.ts';

/** What is beyond the schema in rows of a batch. */
export interface Drifting extends Pick<SealedStage, 'drift' | 'ingestedAt'> {
  readonly header: Pick<SealedStage['header'], 'tenantId' | 'sourceId' | 'batchId'>;
}

/** Adds the drift of batches; to be called within their transaction. Paths beyond the first 1,000 of a tenant's table are counted as one. */
export async function insertDrift(connection: DuckDBConnection, stages: readonly Drifting[]): Promise<void> {
  const drifting = stages.filter(({ drift }) => drift.length > 0);
  if (drifting.length === 0) return;
  const entries: Row[] = [];
  for (const { header, drift, ingestedAt } of drifting) {
    for (const { table, path, kind, jsonType, example, occurrences } of await bounded(connection, header, drift)) {
      entries.push({
        tenant_id: header.tenantId,
        source_id: header.sourceId,
        table_name: table,
        path,
        kind,
        json_type: jsonType,
        occurrences,
        example,
        batch_id: header.batchId,
        seen_at: ingestedAt,
      });
    }
  }
  await offerRows(driftTable.columns, entries, (relation) =>
    connection.run(`INSERT INTO lake.drift BY NAME FROM ${relation}`),
  );
}

/** Paths that the lake has, by tenant and table, so that only a batch with a new path has to look. They may be more by now, never fewer. */
const knownPaths = new WeakMap<DuckDBConnection, Map<string, ReadonlySet<string>>>();

/** The sightings with those of paths above the limit as one. */
async function bounded(
  connection: DuckDBConnection,
  { tenantId }: Drifting['header'],
  sightings: readonly Sighting[],
): Promise<Sighting[]> {
  const byTable = knownPaths.get(connection) ?? new Map<string, ReadonlySet<string>>();
  knownPaths.set(connection, byTable);
  const kept: Sighting[] = [];
  for (const table of new Set(sightings.map((sighting) => sighting.table))) {
    const own = sightings.filter((sighting) => sighting.table === table);
    const key = `${tenantId} ${table}`;
    let known = byTable.get(key) ?? new Set();
    if (known.size < pathsMax && own.some(({ path }) => !known.has(path))) {
      const paths = await readPaths(connection, tenantId, table);
      for (const { path } of own) if (path !== otherPaths && paths.size < pathsMax) paths.add(path);
      known = paths;
      byTable.set(key, known);
    }
    kept.push(...own.filter(({ path }) => known.has(path)), ...asOne(own.filter(({ path }) => !known.has(path))));
  }
  return kept;
}

async function readPaths(connection: DuckDBConnection, tenantId: string, table: TableName): Promise<Set<string>> {
  const result = await connection.runAndReadAll(`
    SELECT DISTINCT path FROM lake.drift
    WHERE tenant_id = ${quote(tenantId)} AND table_name = ${quote(table)} AND path <> ${quote(otherPaths)}`);
  return new Set(result.getRows().map(([path]) => String(path)));
}

function asOne(sightings: readonly Sighting[]): Sighting[] {
  const merged = new Map<string, Sighting>();
  for (const sighting of sightings) {
    const key = `${sighting.kind} ${sighting.jsonType}`;
    const first = merged.get(key);
    if (first === undefined) merged.set(key, { ...sighting, path: otherPaths });
    else first.occurrences += sighting.occurrences;
  }
  return Array.from(merged.values());
}

/** One path of one table of one tenant, over all batches. */
export interface DriftEntry {
  readonly tenant_id: string;
  readonly table_name: string;
  readonly path: string;
  /** More than one where both were seen. */
  readonly kinds: readonly string[];
  readonly json_types: readonly string[];
  readonly occurrences: string;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly example: string;
  readonly acknowledged: boolean;
}

export interface DriftFilter {
  readonly tenantId?: string | undefined;
  readonly table?: string | undefined;
  readonly path?: string | undefined;
}

/** The newest first. @throws IngestError `lake.query`, `lake.unavailable` */
export async function listDrift(lake: LakeReader, { tenantId, table, path }: DriftFilter): Promise<DriftEntry[]> {
  const where = [
    ...(tenantId === undefined ? [] : [`tenant_id = ${quote(tenantId)}`]),
    ...(table === undefined ? [] : [`table_name = ${quote(table)}`]),
    ...(path === undefined ? [] : [`path = ${quote(path)}`]),
    'true',
  ].join(' AND ');
  const { rows } = await lake.query(`
    WITH seen AS (
      SELECT tenant_id, table_name, path, list_sort(list(DISTINCT kind)) AS kinds, list_sort(list(DISTINCT json_type)) AS json_types,
        sum(occurrences)::BIGINT AS occurrences, min(seen_at) AS first_seen, max(seen_at) AS last_seen,
        arg_max(example, seen_at) AS example
      FROM drift WHERE ${where} GROUP BY ALL),
    acked AS (
      SELECT tenant_id, table_name, path, flatten(list(kinds)) AS acked_kinds, flatten(list(json_types)) AS acked_types
      FROM drift_acks WHERE ${where} GROUP BY ALL)
    SELECT seen.*, coalesce(list_has_all(acked_kinds, kinds) AND list_has_all(acked_types, json_types), false) AS acknowledged
    FROM seen LEFT JOIN acked USING (tenant_id, table_name, path)
    ORDER BY first_seen DESC, tenant_id, table_name, path`);
  return rows as unknown as DriftEntry[];
}

/** Hides the entry from then on, as long as its kinds and types stay those. */
export async function insertDriftAck(connection: DuckDBConnection, entry: DriftEntry): Promise<void> {
  const texts = (values: readonly string[]) => `[${values.map(quote).join(', ')}]`;
  await connection.run(`
    INSERT INTO lake.drift_acks (tenant_id, table_name, path, kinds, json_types, acked_at)
    VALUES (${quote(entry.tenant_id)}, ${quote(entry.table_name)}, ${quote(entry.path)}, ${texts(entry.kinds)},
      ${texts(entry.json_types)}, make_timestamp(${Date.now() * 1000}))`);
}
