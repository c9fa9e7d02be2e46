#!/usr/bin/env node
/** The command line: `ppi`. One file per noun in scripts/commands. */
import { existsSync, readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addBackfill } from './commands/backfill.ts';
import { refuse } from './commands/context.ts';
import { addCoverage, addGaps } from './commands/coverage.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addDemo } from './commands/demo.ts';
import { addDev } from './commands/dev.ts';
import { addDrift } from './commands/drift.ts';
import { addLake } from './commands/lake.ts';
import { addReprocess } from './commands/reprocess.ts';
import { addSearch } from './commands/search.ts';
import { addSources } from './commands/sources.ts';
import { addTenants } from './commands/tenants.ts';
import { addWorker } from './commands/worker.ts';
import { reportError } from './output.ts';

const program = new Command('ppi')
  .description('Every Proofpoint log of many tenants in one searchable lake.')
  .version(readVersion(), '--version')
  .showHelpAfterError('(see --help)')
  .exitOverride(refuse);

addDemo(program);
addDev(program);
addTenants(program);
addSources(program);
addBackfill(program);
addCoverage(program);
addGaps(program);
addSearch(program);
addDrift(program);
addDeadLetters(program);
addReprocess(program);
addLake(program);
addWorker(program);

try {
  // nothing asked for is nothing wrong
  if (process.argv.length > 2) await program.parseAsync();
  else program.outputHelp();
} catch (error) {
  // commander has printed its own: help asked for is no failure, a wrong command line is exit code 2
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else process.exitCode = reportError(error, process.argv.includes('--json'));
}

/** Of package.json, which lies beside `scripts/`, or beside `dist/`, where this file is compiled to. */
function readVersion(): string {
  const file = ['../package.json', '../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (file === undefined) throw new Error('there is no package.json beside the program');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
