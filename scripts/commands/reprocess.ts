/** `ppi reprocess`: parse what a source brought again, after a parser has learned more. */
import { type Command, Option } from 'commander';
import { type ReprocessInput, reprocessPage } from '../../workflows/repair-state.ts';
import { printJson, printTable, printText, UsageError } from '../output.ts';
import { createProgress } from '../progress.ts';
import { reprocess } from '../repairs.ts';
import { sourceStatus } from '../source-registry.ts';
import { documented, type JsonOption, timeOption, withClient } from './context.ts';
import { configured } from './sources.ts';
import { readTenantsFile } from './tenants.ts';

interface Options extends JsonOption {
  readonly tenant: string;
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly file?: string;
  readonly dryRun?: boolean;
}

export function addReprocess(noun: Command): void {
  documented(
    noun,
    'ppi reprocess --tenant acme --source filter --from 2026-01-30T00:00:00Z --to 2026-01-31T00:00:00Z --dry-run',
  )
    .requiredOption('--tenant <tenant>')
    .requiredOption('--source <source>')
    .addOption(new Option('--from <time>', 'events from this time on').argParser(timeOption).makeOptionMandatory())
    .addOption(new Option('--to <time>', 'events before this time').argParser(timeOption).makeOptionMandatory())
    .option('-f, --file <path>', 'take the settings from this tenants.yaml; default: those of the running source')
    .option('--dry-run', 'only say what would become')
    .action(async (options: Options) => {
      const { tenant: tenantId, source: sourceId, from, to, file, dryRun = false } = options;
      if (from >= to) throw new UsageError('--from must be before --to');
      const progress = createProgress();
      const status = await withClient(async (client, config) => {
        const { settings } =
          file === undefined
            ? await sourceStatus(client, { tenantId, sourceId })
            : configured(await readTenantsFile(file, config), { tenantId, sourceId }, file);
        const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
        const input: ReprocessInput = { tenantId, sourceId, settings, ...range, dryRun };
        return reprocess(client, config, input, ({ batches, batchesFailed }) =>
          progress.show(batches + batchesFailed, undefined, 'batches parsed again'),
        );
      });
      progress.end();
      if (options.json === true) printJson({ tenantId, sourceId, dryRun, ...status });
      else {
        printText(reprocessPage(status, { dryRun }));
        if (status.failed.length > 0)
          printTable(
            ['failed batch', 'code', 'message'],
            status.failed.map(({ batchId, code, message }) => [batchId, code, message]),
          );
      }
      if (status.batchesFailed > 0) process.exitCode = 1;
    });
}
