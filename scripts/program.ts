/** Every noun of the command line. Its verbs, and the libraries they take, are loaded when it is named. */
import { Command } from 'commander';
import { refuse } from './commands/refusal.ts';

interface Noun {
  readonly name: string;
  readonly description: string;
  /** What gives the noun its verbs, options and actions. */
  readonly load: () => Promise<(noun: Command) => void>;
}

/** In the order of `ppi --help`. */
export const nouns: readonly Noun[] = [
  {
    name: 'demo',
    description:
      'start everything with a simulated vendor, load two invented customers, search, and check that nothing is lost or doubled',
    load: async () => (await import('./commands/demo.ts')).addDemo,
  },
  {
    name: 'dev',
    description:
      'Temporal, an S3 server and a worker on this machine, for a tenants.yaml; data stays in DATA_DIR (default .data)',
    load: async () => (await import('./commands/dev.ts')).addDev,
  },
  {
    name: 'tenants',
    description: 'tenants and their sources',
    load: async () => (await import('./commands/tenants.ts')).addTenants,
  },
  {
    name: 'sources',
    description: 'the sources that run',
    load: async () => (await import('./commands/sources.ts')).addSources,
  },
  {
    name: 'notifications',
    description: 'the queues that say what was uploaded to the buckets of sources',
    load: async () => (await import('./commands/notifications.ts')).addNotifications,
  },
  {
    name: 'backfill',
    description: 'read a time again, or for the first time, behind the live reads',
    load: async () => (await import('./commands/backfill.ts')).addBackfill,
  },
  {
    name: 'coverage',
    description: 'what of a TAP source has been read, and how often',
    load: async () => (await import('./commands/coverage.ts')).addCoverage,
  },
  {
    name: 'gaps',
    description: 'time of TAP sources that was not read',
    load: async () => (await import('./commands/gaps.ts')).addGaps,
  },
  {
    name: 'search',
    description: 'find events by field=value and free text',
    load: async () => (await import('./commands/search.ts')).addSearch,
  },
  {
    name: 'drift',
    description: 'fields that the schema does not know, and values that their columns cannot hold',
    load: async () => (await import('./commands/drift.ts')).addDrift,
  },
  {
    name: 'dead-letters',
    description: 'records that could not become rows, with their bytes, place and reason',
    load: async () => (await import('./commands/dead-letters.ts')).addDeadLetters,
  },
  {
    name: 'reprocess',
    description: 'parse landed windows or objects again; rows that come out the same stay, others are replaced',
    load: async () => (await import('./commands/reprocess.ts')).addReprocess,
  },
  {
    name: 'lake',
    description: 'the lake itself',
    load: async () => (await import('./commands/lake.ts')).addLake,
  },
  {
    name: 'worker',
    description: 'run a worker until SIGTERM; configuration comes from the environment',
    load: async () => (await import('./commands/worker.ts')).addWorker,
  },
];

/** `ppi` with all its nouns listed, and those among `words` whole: they are the only ones that can be meant. */
export async function createProgram(words: readonly string[]): Promise<Command> {
  const program = new Command('ppi')
    .description('Every Proofpoint log of many tenants in one searchable lake.')
    .showHelpAfterError('(see --help)')
    .exitOverride(refuse);
  for (const { name, description, load } of nouns) {
    const noun = program.command(name).description(description);
    if (words.includes(name)) (await load())(noun);
  }
  return program;
}
