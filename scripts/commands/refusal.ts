/** What becomes of a wrong command line. */
import type { CommanderError } from 'commander';
import { printRefusal } from '../output.ts';

/** For people commander has said it; for programs it is JSON as well. */
export function refuse(error: CommanderError): never {
  if (error.exitCode !== 0 && process.argv.includes('--json')) printRefusal(error.message);
  throw error;
}
