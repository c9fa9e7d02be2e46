/** `ppi worker`: what production runs. */
import type { Command } from 'commander';
import { readConfig } from '../../workers/config.ts';
import { runWorker } from '../../workers/worker.ts';
import { withExample } from './context.ts';

export function addWorker(noun: Command): void {
  withExample(noun, 'TEMPORAL_ADDRESS=temporal:7233 LAKE_DATA=/srv/lake ppi worker').action(() =>
    runWorker(readConfig()),
  );
}
