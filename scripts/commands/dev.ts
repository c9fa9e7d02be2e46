/** `ppi dev` (`npm start`): the whole product on one machine, for tenants.yaml, keeping its data. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';
import { startLocalStack } from '../stack/local-stack.ts';
import { countOption, withExample } from './context.ts';
import { applyTenants, printApplied, readTenantsFile } from './tenants.ts';

interface Options {
  readonly file: string;
  readonly temporalPort: number;
  readonly uiPort: number;
  readonly s3Port: number;
}

export function addDev(noun: Command): void {
  withExample(noun, 'npm start -- -f tenants.yaml')
    .option('-f, --file <path>', 'applied at the start where it exists', 'tenants.yaml')
    .addOption(new Option('--temporal-port <port>').argParser(countOption).default(7233))
    .addOption(new Option('--ui-port <port>', 'Temporal UI').argParser(countOption).default(8233))
    .addOption(new Option('--s3-port <port>', 'S3 server, for logs to try with').argParser(countOption).default(9000))
    .action(dev);
}

async function dev({ file, temporalPort, uiPort, s3Port }: Options): Promise<void> {
  const { dataDir } = readConfig();
  const s3Credentials = keptCredentials(join(dataDir, 's3-credentials.json'));
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const stack = await startLocalStack({
    dataDir,
    persistent: true,
    s3Credentials,
    ports: { temporal: temporalPort, ui: uiPort, s3: s3Port },
    say,
  });
  try {
    const client = await connectClient(stack.config);
    try {
      if (existsSync(file)) {
        const applied = await applyTenants(client, stack.config, await readTenantsFile(file, stack.config), {
          dryRun: false,
        });
        printApplied(applied);
      } else say(`${file} is not there yet; write it and run: npm run --silent ppi -- tenants apply -f ${file}`);
    } finally {
      await client.connection.close();
    }
    say(`Temporal UI  ${stack.temporal.uiUrl}`);
    say(`Temporal     ${stack.temporal.address}`);
    say(`S3 server    ${stack.s3.endpoint} (keys in ${join(dataDir, 's3-credentials.json')})`);
    say(`lake         ${stack.config.lake.dataPath}`);
    say(`logs         ${join(dataDir, 'logs')}`);
    say('Ctrl-C stops it; the next start goes on where this one ended');
    const ended = await Promise.race([
      interrupted.then(() => undefined),
      ...[stack.temporal, stack.s3, stack.worker].map(({ exited }) => exited),
    ]);
    if (ended !== undefined)
      throw new Error(`a part of the stack ended by itself (${ended}); see ${join(dataDir, 'logs')}`);
    say('stopping');
  } finally {
    await stack.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The S3 server's data is kept, so its keys are as well. */
function keptCredentials(path: string): { accessKeyId: string; secretAccessKey: string } {
  if (!existsSync(path)) {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    const fresh = {
      accessKeyId: `dev-${randomBytes(6).toString('hex')}`,
      secretAccessKey: randomBytes(24).toString('base64url'),
    };
    writeFileSync(path, JSON.stringify(fresh), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(path, 'utf8')) as { accessKeyId: string; secretAccessKey: string };
}
