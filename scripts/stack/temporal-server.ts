/** Temporal's development server for demo, development and tests: https://docs.temporal.io/cli/server#start-dev */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';
import { findTool } from '../setup/tools.mjs';
import { startProcess, withFreePorts, type Running } from './process.ts';

export interface StartTemporalServer {
  /** Workflows live in a SQLite file in this directory and survive a restart; without it they live in memory. */
  readonly dataDir?: string;
  /** Default: any free port. */
  readonly port?: number;
  /** Default: any free port; `none` starts no UI. */
  readonly uiPort?: number | 'none';
  /** Created with the search attributes of workflows/search-attributes.ts. */
  readonly namespace?: string;
  readonly logFile: string;
}

export interface TemporalServer extends Running {
  /** `127.0.0.1:PORT`, as TEMPORAL_ADDRESS takes it. */
  readonly address: string;
  readonly namespace: string;
  /** Web interface; undefined when none was asked for. */
  readonly uiUrl: string | undefined;
}

/** The same values as deploy/temporal/dynamic-config.yaml; reasons stand there. */
export const dynamicConfig = {
  'matching.enableFairness': true,
  'matching.useNewMatcher': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute': 2,
} as const;

/**
 * Starts the server and returns once the namespace takes queries on every search attribute.
 * @throws Error when the Temporal CLI is missing, or the server does not come up.
 */
export async function startTemporalServer(options: StartTemporalServer): Promise<TemporalServer> {
  const { dataDir, namespace = 'default', uiPort: wantedUiPort, logFile } = options;
  const command = findTool('temporal');
  if (command === undefined) throw new Error('no Temporal CLI; run `node scripts/setup/tools.mjs` or set TEMPORAL_CLI');
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return withFreePorts(2, async ([freePort = 0, freeUiPort = 0]) => {
    const port = options.port ?? freePort;
    const uiPort = wantedUiPort ?? freeUiPort;
    const address = `127.0.0.1:${port}`;
    const running = await startProcess({
      name: 'Temporal server',
      command,
      args: [
        'server',
        'start-dev',
        '--log-level=warn',
        '--ip=127.0.0.1',
        `--port=${port}`,
        `--namespace=${namespace}`,
        uiPort === 'none' ? '--headless' : `--ui-port=${uiPort}`,
        ...(dataDir === undefined ? [] : sqliteOptions(join(dataDir, 'temporal.sqlite'))),
        ...Object.entries(searchAttributeTypes).map(([name, type]) => `--search-attribute=${name}=${type}`),
        ...Object.entries(dynamicConfig).map(([key, value]) => `--dynamic-config-value=${key}=${value}`),
      ],
      logFile,
      readySeconds: 30,
      ready: () => takesQueries(address, namespace),
    });
    return { ...running, address, namespace, uiUrl: uiPort === 'none' ? undefined : `http://127.0.0.1:${uiPort}` };
  });
}

/** Without these pragmas every state transition waits for the disk: four times slower. */
function sqliteOptions(file: string): string[] {
  return [`--db-filename=${file}`, '--sqlite-pragma=journal_mode=wal', '--sqlite-pragma=synchronous=1'];
}

/** A list filter on an attribute that the namespace does not know yet is refused, so a filter on all of them tells. */
async function takesQueries(address: string, namespace: string): Promise<boolean> {
  const connection = await Connection.connect({ address, connectTimeout: 1000 });
  try {
    const client = new Client({ connection, namespace });
    const known = Object.keys(searchAttributeTypes).map((name) => `${name} IS NULL`);
    await client.workflow.count(known.join(' AND '));
    return true;
  } finally {
    await connection.close();
  }
}
