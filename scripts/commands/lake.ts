/** `ppi lake`: the lake itself. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { maintainLake } from '../../lake/maintenance.ts';
import { parseDuration } from '../../sources/duration.ts';
import { keepSecondsMin, readConfig } from '../../workers/config.ts';
import { printJson, printTable } from '../output.ts';
import { documented, type JsonOption, mustHaveLake, withExample, withLake } from './context.ts';

export function addLake(noun: Command): void {
  const lake = withExample(noun, 'ppi lake sql "SHOW TABLES"');
  documented(
    lake.command('sql <statement>'),
    `ppi lake sql "SELECT tenant_id, count(*) FROM proofpoint_tap_clicks_permitted GROUP BY ALL"`,
  )
    .description(
      "run one statement of SQL that reads: the tables are the eight, batches and dead_letters; files besides the lake's are not read",
    )
    .action(async (statement: string, { json }: JsonOption) => {
      const { columns, rows } = await withLake((reader) => reader.ask(statement));
      if (json === true) for (const row of rows) printJson(row);
      else
        printTable(
          columns,
          rows.map((row) => columns.map((column) => row[column])),
        );
    });
  documented(lake.command('maintain'), 'ppi lake maintain --keep 7d')
    .description(
      'merge the small files that commits leave, remove what is not needed any more; workers may go on meanwhile',
    )
    .addOption(
      new Option('--keep <span>', 'how long earlier states can be read, 1h at least')
        .argParser(keepOption)
        .default(7 * 86_400, '7d'),
    )
    .action(async ({ json, keep }: JsonOption & { keep: number }) => {
      const config = readConfig();
      mustHaveLake(config);
      const say = (line: string) => process.stderr.write(`${line}\n`);
      const done = await maintainLake({ ...config.lake, s3: config.aws }, { keepSeconds: keep, say });
      if (json === true) return printJson(done);
      printTable(
        ['table', 'files before', 'after'],
        done.merged.map(({ table, filesBefore, filesAfter }) => [table, filesBefore, filesAfter]),
      );
      process.stdout.write(
        `${done.snapshotsExpired} snapshots expired, ${done.filesDeleted} files deleted, and ${done.leftoversDeleted} that were never committed\n`,
      );
    });
}

function keepOption(value: string): number {
  const seconds = parseDuration(value);
  if (seconds === undefined || seconds < keepSecondsMin)
    throw new InvalidArgumentError('must be a span of at least 1h, such as 7d');
  return seconds;
}
