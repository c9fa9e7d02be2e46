/** `npm run fuzz`: mutated records for every table, and two long ones of each kind. */
import { tables } from '../tables/registry.ts';
import { countOption } from './commands/context.ts';
import { fuzz, slowerThanLinear } from './fuzz/run.ts';
import { printJson } from './output.ts';
import { runTool, tool } from './tool.ts';

await runTool(
  tool('fuzz', 'read mutated records of every table: none may throw, none may take more than linear time', '100000 7')
    .argument('[records]', 'for each table', countOption, 1_000_000)
    .argument('[seed]', 'another one mutates otherwise', '1')
    .action((records: number, seed: string, { json }: { json?: true }) => {
      for (const table of Object.values(tables)) {
        const startMs = performance.now();
        const { rows, rejects, wrong } = fuzz(table, { records, seed });
        const seconds = Math.round((performance.now() - startMs) / 1000);
        const slow = slowerThanLinear(table);
        if (json) printJson({ table: table.name, rows, rejects, wrong, slow, seconds });
        else {
          const counts = `${rows} rows, ${rejects} rejects, ${wrong.length} wrong, ${slow.length} not linear`;
          process.stdout.write([`${table.name}: ${counts}, ${seconds} s`, ...wrong, ...slow].join('\n  ') + '\n');
        }
        if (wrong.length > 0 || slow.length > 0) process.exitCode = 1;
      }
    }),
);
