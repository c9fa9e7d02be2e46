/** `ppi dead-letters`: records that could not become rows. */
import { isUtf8 } from 'node:buffer';
import { type Command, Option } from 'commander';
import { withIsoFields } from '../../hunt/time.ts';
import { letterCondition, type LetterFilter, notReplayable } from '../../lake/dead-letters.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { quote } from '../../lake/sql.ts';
import { firstOf, note, printJson, printTable, printText, UsageError } from '../output.ts';
import { createProgress } from '../progress.ts';
import { replay } from '../repairs.ts';
import { countOption, documented, type JsonOption, timeOption, withClient, withExample, withLake } from './context.ts';
import { mustBeTenants, namesTold } from './known-tenants.ts';
import { tableOption } from './search.ts';

interface FilterOptions extends JsonOption {
  readonly tenant?: string;
  readonly source?: string;
  readonly table?: string;
  readonly code?: string;
  readonly from?: number;
  readonly to?: number;
}

export function addDeadLetters(noun: Command): void {
  const letters = withExample(noun, 'ppi dead-letters list --tenant acme');
  addList(letters);
  addShow(letters);
  addReplay(letters);
}

function filtered(command: Command): Command {
  return command
    .option('--source <source>', 'of one source')
    .option('--table <table>', 'for one table, with or without "proofpoint_"')
    .option('--code <code>', 'of one code, such as unknown_line')
    .addOption(new Option('--from <time>', 'failed at or after this time').argParser(timeOption))
    .addOption(new Option('--to <time>', 'failed before this time').argParser(timeOption));
}

function filterOf({ source, table, code, from, to }: FilterOptions): LetterFilter {
  if (from !== undefined && to !== undefined && from >= to) throw new UsageError('--from must be before --to');
  return {
    ...(source === undefined ? {} : { sourceId: source }),
    ...(table === undefined ? {} : { table: tableOption(table) }),
    ...(code === undefined ? {} : { code }),
    // letters have whole milliseconds: none lies between a time within one and the next
    ...(from === undefined ? {} : { from: new Date(Math.ceil(from)).toISOString() }),
    ...(to === undefined ? {} : { to: new Date(Math.ceil(to)).toISOString() }),
  };
}

function addList(letters: Command): void {
  filtered(documented(letters.command('list'), 'ppi dead-letters list --tenant acme --code unknown_line --from -24h'))
    .description('by code, with one example of each; with --json each letter, the newest first, without its bytes')
    .option('--tenant <tenant>', 'of one tenant')
    .option('--all', 'also those that became rows since')
    .addOption(new Option('--limit <letters>', 'with --json: at most so many').argParser(countOption).default(10_000))
    .action(async (options: FilterOptions & { all?: boolean; limit: number }) => {
      const condition = letterCondition(options.tenant, filterOf(options));
      const where = options.all === true ? condition : `${condition} AND resolved_at IS NULL`;
      if (options.json === true) {
        const found = await foundOf(options, (lake) => listLetters(lake, where, options.limit + 1));
        for (const letter of firstOf(found, options.limit)) printJson(exactLetter(letter));
        return;
      }
      const groups = await foundOf(options, (lake) => groupLetters(lake, where));
      printTable(
        ['tenant', 'source', 'table', 'code', 'letters', 'newest', 'example', 'place', 'reason'],
        groups.map((group) => [
          group['tenant_id'],
          group['source_id'],
          String(group['table_name']).replace('proofpoint_', ''),
          group['code'],
          group['letters'],
          String(group['newest']).slice(0, 19),
          group['example'],
          group['place'],
          group['reason'],
        ]),
      );
    });
}

/** Nothing found of a tenant that is none is an error; of another name that the lake has never had, a note. */
async function foundOf<T>(options: FilterOptions, find: (lake: LakeReader) => Promise<readonly T[]>) {
  const { tenant, source, code } = options;
  return withLake(async (lake) => {
    const found = await find(lake);
    if (found.length > 0) return found;
    if (tenant !== undefined) await mustBeTenants([tenant], { lake });
    if (source !== undefined) await noteUnknown(lake, options, { table: 'batches', column: 'source_id', name: source });
    if (code !== undefined) await noteUnknown(lake, options, { table: 'dead_letters', column: 'code', name: code });
    return found;
  });
}

/** A misspelt name would look like one without letters. */
async function noteUnknown(
  lake: LakeReader,
  { tenant }: FilterOptions,
  { table, column, name }: { table: 'batches' | 'dead_letters'; column: 'source_id' | 'code'; name: string },
): Promise<void> {
  const { rows } = await lake.query(
    `SELECT DISTINCT ${column} AS known FROM ${table} WHERE ${letterCondition(tenant, {})} ORDER BY known`,
  );
  const known = rows.map((row) => String(row['known']));
  if (known.includes(name)) return;
  const what = column === 'source_id' ? 'source' : 'code';
  const of = tenant === undefined ? '' : ` of ${tenant}`;
  note(`the lake has nothing${of} under the ${what} ${JSON.stringify(name)}; known: ${namesTold(known)}`);
}

const letterColumns = `dead_letter_id, tenant_id, source_id, table_name, batch_id, code, reason, source_ref,
  octet_length(raw)::INTEGER AS size_bytes, failed_at, resolved_at, resolved_batch`;

/** For programs: times say that they are UTC. */
function exactLetter(letter: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return withIsoFields(letter, ['failed_at', 'resolved_at']);
}

async function listLetters(lake: LakeReader, where: string, limit: number) {
  const { rows } = await lake.query(`
    SELECT ${letterColumns} FROM dead_letters WHERE ${where}
    ORDER BY failed_at DESC, tenant_id, dead_letter_id LIMIT ${limit}`);
  return rows;
}

async function groupLetters(lake: LakeReader, where: string) {
  const { rows } = await lake.query(`
    SELECT tenant_id, source_id, table_name, code, count(*)::INTEGER AS letters, max(failed_at) AS newest,
      arg_max(dead_letter_id, failed_at) AS example,
      arg_max(source_ref.uri || ':' || source_ref.line, failed_at) AS place, arg_max(reason, failed_at) AS reason
    FROM dead_letters WHERE ${where} GROUP BY ALL ORDER BY letters DESC, tenant_id, source_id, table_name, code`);
  return rows;
}

function addShow(letters: Command): void {
  documented(letters.command('show <id>'), 'ppi dead-letters show 5f3c1d0a9b7e44d2a1c0ffee12345678')
    .description('one letter with its bytes: as text, or in base64 where they are no UTF-8')
    .option('--tenant <tenant>', 'where several tenants have the same record')
    .action(async (id: string, { tenant, json }: JsonOption & { tenant?: string }) => {
      const found = await withLake((lake) => findLetters(lake, id, tenant));
      const [letter, ...others] = found;
      if (letter === undefined) throw new UsageError(`there is no dead letter ${JSON.stringify(id)}`);
      if (others.length > 0) {
        const tenants = found.map(({ tenant_id: each }) => String(each)).join(', ');
        throw new UsageError(`several tenants have a letter ${id}: add --tenant, one of ${tenants}`);
      }
      const { raw_base64: encoded, ...facts } = letter;
      const bytes = Buffer.from(String(encoded), 'base64');
      const raw = isUtf8(bytes) ? { raw: bytes.toString() } : { raw_base64: encoded };
      if (json === true) return printJson({ ...exactLetter(facts), ...raw });
      for (const [fact, value] of Object.entries(facts)) {
        const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
        if (value !== null) printText(`${fact}: ${text.replaceAll('\n', ' ')}`);
      }
      printText(`\n${raw.raw ?? String(encoded)}`);
    });
}

async function findLetters(lake: LakeReader, id: string, tenantId: string | undefined) {
  const { rows } = await lake.query(`
    SELECT ${letterColumns}, to_base64(raw) AS raw_base64 FROM dead_letters
    WHERE dead_letter_id = ${quote(id)} AND ${letterCondition(tenantId, {})} ORDER BY tenant_id`);
  return rows;
}

function addReplay(letters: Command): void {
  filtered(documented(letters.command('replay'), 'ppi dead-letters replay --tenant acme --code unknown_line --dry-run'))
    .description(
      `parse letters again, with the parsers of the workers; those that parse become rows, once (not ${notReplayable.join(', ')}: "ppi reprocess" reads their batches)`,
    )
    .requiredOption('--tenant <tenant>')
    .option('--dry-run', 'only say how many would become rows')
    .action(async (options: FilterOptions & { tenant: string; dryRun?: boolean }) => {
      const dryRun = options.dryRun ?? false;
      const input = { tenantId: options.tenant, filter: filterOf(options), dryRun };
      const condition = `${letterCondition(options.tenant, input.filter)} AND resolved_at IS NULL`;
      const open = await withLake(async (lake) => {
        await mustBeTenants([options.tenant], { lake });
        return (await lake.query(`SELECT count(*)::INTEGER AS n FROM dead_letters WHERE ${condition}`)).rows;
      });
      const progress = createProgress();
      const { letters: parsed, resolved } = await withClient((client, config) =>
        replay(client, config, input, (status) =>
          progress.show(status.letters, Number(open[0]?.['n'] ?? 0), `letters parsed again, ${status.resolved} rows`),
        ),
      );
      progress.end();
      if (options.json === true) printJson({ tenantId: options.tenant, dryRun, letters: parsed, resolved });
      else printText(`${parsed} letters parsed again, ${resolved} ${dryRun ? 'would become' : 'became'} rows`);
    });
}
