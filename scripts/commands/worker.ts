/** `ppi worker`: what production runs. */
import type { Command } from 'commander';
import { readConfig } from '../../workers/config.ts';
import { runWorker } from '../../workers/worker.ts';
import { withExample } from './context.ts';

export function addWorker(program: Command): void {
  withExample(program.command('worker'), 'TEMPORAL_ADDRESS=temporal:7233 LAKE_DATA=/srv/lake ppi worker')
    .description('run a worker until SIGTERM; configuration comes from the environment')
    .action(() => runWorker(readConfig()));
}
