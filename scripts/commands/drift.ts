/** `ppi drift`: what the vendor sends beyond the schema. */
import type { Command } from 'commander';
import { withIsoFields } from '../../hunt/time.ts';
import { listDrift, type DriftEntry } from '../../lake/drift.ts';
import { openLake } from '../../lake/lake.ts';
import { readConfig } from '../../workers/config.ts';
import { printJson, printTable, UsageError } from '../output.ts';
import { documented, type JsonOption, withExample, withLake } from './context.ts';
import { mustBeTenants } from './known-tenants.ts';
import { tableOption } from './search.ts';

export function addDrift(noun: Command): void {
  const drift = withExample(noun, 'ppi drift list --tenant acme');
  addList(drift);
  addAck(drift);
}

function addList(drift: Command): void {
  documented(drift.command('list'), 'ppi drift list --tenant acme --table gateway_filter_logs')
    .description('each path once, the newest first; acknowledged ones are hidden until their kind or type changes')
    .option('--tenant <tenant>', 'of one tenant')
    .option('--table <table>', 'of one table, with or without "proofpoint_"')
    .option('--all', 'also what is acknowledged')
    .action(async ({ tenant, table, all, json }: JsonOption & { tenant?: string; table?: string; all?: boolean }) => {
      const filter = { tenantId: tenant, table: table === undefined ? undefined : tableOption(table) };
      const listed = await withLake(async (lake) => {
        const found = await listDrift(lake, filter);
        if (found.length === 0 && tenant !== undefined) await mustBeTenants([tenant], { lake });
        return found;
      });
      const shown = listed.filter(({ acknowledged }) => all === true || !acknowledged);
      if (json === true) {
        for (const entry of shown) printJson(exactEntry(entry));
        return;
      }
      printTable(
        ['tenant', 'table', 'path', 'kind', 'type', 'count', 'first seen', 'last seen', 'example'],
        shown.map((entry) => [
          entry.tenant_id,
          entry.table_name.replace('proofpoint_', ''),
          entry.path,
          entry.kinds.join(', '),
          entry.json_types.join(', '),
          Number(entry.occurrences),
          seconds(entry.first_seen),
          seconds(entry.last_seen),
          entry.example,
        ]),
      );
    });
}

function addAck(drift: Command): void {
  documented(drift.command('ack <tenant> <table> <path>'), 'ppi drift ack acme gateway_filter_logs perlwait')
    .description('hide a path from the list until its kind or type changes')
    .action(async (tenantId: string, tableName: string, path: string, { json }: JsonOption) => {
      const table = tableOption(tableName);
      const [entry] = await withLake((lake) => listDrift(lake, { tenantId, table, path }));
      if (entry === undefined)
        throw new UsageError(`no drift of ${tenantId} in ${table} under ${JSON.stringify(path)}`);
      await acknowledge(entry);
      if (json === true) printJson({ ...exactEntry(entry), acknowledged: true });
      else printTable(['tenant', 'table', 'acknowledged'], [[tenantId, table, path]]);
    });
}

/** For programs: counts are numbers, and times say that they are UTC. */
function exactEntry(entry: DriftEntry): Record<string, unknown> {
  return { ...withIsoFields(entry, ['first_seen', 'last_seen']), occurrences: Number(entry.occurrences) };
}

async function acknowledge(entry: DriftEntry): Promise<void> {
  const config = readConfig();
  const lake = await openLake({ ...config.lake, s3: config.aws });
  try {
    await lake.acknowledgeDrift(entry);
  } finally {
    await lake.close();
  }
}

function seconds(time: string): string {
  return time.slice(0, 19);
}
