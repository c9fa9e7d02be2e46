/** What becomes of a wrong command line, and of a command that failed. */
import { CommanderError } from 'commander';
import { printRefusal, reportError } from '../output.ts';

/** For people commander has said it; for programs it is JSON as well. */
export function refuse(error: CommanderError): never {
  if (error.exitCode !== 0 && process.argv.includes('--json')) printRefusal(error.message);
  throw error;
}

/** Prints the error, unless commander has: help asked for is no failure, a wrong command line is exit code 2. */
export function exitCodeOf(error: unknown): 0 | 1 | 2 {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return reportError(error, process.argv.includes('--json'));
}
