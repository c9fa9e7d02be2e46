/** `ppi lake`: the lake itself. */
import type { Command } from 'commander';
import { printJson, printTable } from '../output.ts';
import { documented, type JsonOption, withExample, withLake } from './context.ts';

export function addLake(program: Command): void {
  const lake = withExample(program.command('lake'), 'ppi lake sql "SHOW TABLES"').description('the lake itself');
  documented(
    lake.command('sql <statement>'),
    `ppi lake sql "SELECT tenant_id, count(*) FROM proofpoint_tap_clicks_permitted GROUP BY ALL"`,
  )
    .description('run SQL on the lake, read-only; the tables are the eight, batches and dead_letters')
    .action(async (statement: string, { json }: JsonOption) => {
      const { columns, rows } = await withLake((reader) => reader.query(statement));
      if (json === true) for (const row of rows) printJson(row);
      else
        printTable(
          columns,
          rows.map((row) => columns.map((column) => row[column])),
        );
    });
}
