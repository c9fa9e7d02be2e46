/** Commands of package.json that are no verbs of `ppi`, with the same help, refusals and exit codes. */
import { Command } from 'commander';
import { documented } from './commands/context.ts';
import { exitCodeOf } from './commands/refusal.ts';

/** `script`: its name in package.json. `example`: what may follow it. */
export function tool(script: string, description: string, example: string): Command {
  const command = `npm run ${script} --`;
  return documented(new Command(command).description(description), `${command} ${example}`);
}

/** Resolves when the tool's action is over; what it threw is printed, and the process has its exit code. */
export async function runTool(command: Command): Promise<void> {
  try {
    await command.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}
