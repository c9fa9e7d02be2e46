#!/usr/bin/env node
/** The command line: `ppi`. */
import { existsSync, readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { reportError } from './output.ts';
import { createProgram } from './program.ts';

try {
  const program = (await createProgram(process.argv.slice(2))).version(readVersion(), '--version');
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
