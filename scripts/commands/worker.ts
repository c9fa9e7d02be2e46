/** `ppi worker`: what production runs. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, readConfig } from '../../workers/config.ts';
import { addressOf, supervise } from '../../workers/supervisor.ts';
import { runWorker } from '../../workers/worker.ts';
import { commandLine } from '../stack/worker-process.ts';
import { withExample } from './context.ts';

type Processes = Config['workerProcesses'];

export function addWorker(noun: Command): void {
  withExample(noun, 'TEMPORAL_ADDRESS=temporal:7233 LAKE_DATA=/srv/lake ppi worker --processes auto')
    .addOption(
      new Option(
        '--processes <count>',
        'workers side by side, each a process; auto: one for each core (default: WORKER_PROCESSES, or 1)',
      ).argParser(processesOption),
    )
    .action(async ({ processes }: { processes?: Processes }) => {
      const config = readConfig();
      const wanted = processes ?? config.workerProcesses;
      const count = wanted === 'auto' ? availableParallelism() : wanted;
      if (count === 1) await runWorker(config, orphaned());
      else await runWorkers(config, count);
    });
}

/** Each is this command again, as one process. */
async function runWorkers({ metricsAddress }: Config, processes: number): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
  const { command, args } = commandLine(['worker', '--processes', '1']);
  await supervise({
    processes,
    stopping: stopping.signal,
    start: (index) =>
      spawn(command, args, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: {
          ...process.env,
          ...(metricsAddress === undefined ? {} : { METRICS_ADDRESS: addressOf(metricsAddress, index) }),
        },
      }),
    onDeath: (death) => {
      console.error(JSON.stringify({ level: 50, time: Date.now(), msg: 'a worker process died', ...death }));
    },
  });
}

/** Aborts when the process that started this one, as one of several, is gone. */
function orphaned(): AbortSignal {
  const alone = new AbortController();
  process.once('disconnect', () => alone.abort());
  // listening must not keep a worker alive that has nothing else to do
  process.channel?.unref();
  return alone.signal;
}

function processesOption(value: string): Processes {
  if (value === 'auto') return value;
  const count = Number(value);
  if (!/^\d{1,2}$/.test(value) || count < 1 || count > 64)
    throw new InvalidArgumentError('expected auto, or a whole number between 1 and 64');
  return count;
}
