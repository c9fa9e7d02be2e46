/** `ppi worker`: what production runs. */
import type { Command } from 'commander';
import { readConfig } from '../../workers/config.ts';
import { runWorker } from '../../workers/worker.ts';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('run a worker until SIGTERM; configuration comes from the environment')
    .addHelpText('after', '\nExample:\n  TEMPORAL_ADDRESS=temporal:7233 LAKE_DATA=/srv/lake ppi worker')
    .action(() => runWorker(readConfig()));
}
