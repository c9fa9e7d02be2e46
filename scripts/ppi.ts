#!/usr/bin/env node
/** The command line: `ppi`. */
import { existsSync, readFileSync } from 'node:fs';
import { exitCodeOf } from './commands/refusal.ts';
import { createProgram } from './program.ts';

try {
  const program = (await createProgram(process.argv.slice(2))).version(readVersion(), '--version');
  // nothing asked for is nothing wrong
  if (process.argv.length > 2) await program.parseAsync();
  else program.outputHelp();
} catch (error) {
  process.exitCode = exitCodeOf(error);
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
