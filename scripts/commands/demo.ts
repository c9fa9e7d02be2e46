/** `ppi demo` (`npm run demo`): the whole product in a minute, on invented customers, with a count of what went in and came out. */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { search } from '../../hunt/search.ts';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';
import { differences, type Tally, tally } from '../demo/tally.ts';
import { createDemoWorld, demoCredentials, demoSecrets, type DemoWorld } from '../demo/world.ts';
import { printJson, printTable } from '../output.ts';
import { createProgress } from '../progress.ts';
import { runningSources, sourceStatus } from '../source-registry.ts';
import { type LocalStack, startLocalStack } from '../stack/local-stack.ts';
import { countOption, documented, type JsonOption } from './context.ts';
import { applyTenants, readTenantsFile } from './tenants.ts';

interface Options extends JsonOption {
  readonly keep?: boolean;
  readonly seed: string;
  readonly timeout: number;
}

export function addDemo(noun: Command): void {
  documented(noun, 'npm run demo -- --keep')
    .option('--keep', 'leave it all running and print the addresses')
    .option('--seed <text>', 'another seed invents other events', 'demo')
    .addOption(new Option('--timeout <seconds>', 'give up after this long').argParser(countOption).default(300))
    .action(demo);
}

async function demo(options: Options): Promise<void> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const dataDir = join(readConfig().dataDir, 'demo');
  rmSync(dataDir, { recursive: true, force: true });
  // the simulated vendor and the S3 server are on this machine
  process.env['ALLOW_PRIVATE_ENDPOINTS'] = '1';
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(
    () => 'interrupted' as const,
  );
  const stack = await startLocalStack({
    dataDir,
    persistent: false,
    s3Credentials: demoCredentials,
    env: demoSecrets(),
    say,
  });
  let world: DemoWorld | undefined;
  try {
    say('inventing two customers: acme and globex');
    world = await createDemoWorld({ seed: options.seed, s3Endpoint: stack.s3.endpoint });
    const tenantsFile = join(dataDir, 'tenants.yaml');
    writeFileSync(tenantsFile, world.tenantsYaml);
    const client = await connectClient(stack.config);
    const lake = await openLakeReader(stack.config.lake);
    try {
      await applyTenants(client, stack.config, await readTenantsFile(tenantsFile, stack.config), { dryRun: false });
      const outcome = await Promise.race([interrupted, ingest(lake, client, world, stack, options.timeout)]);
      if (outcome === 'interrupted') throw new Error('interrupted');
      await report(lake, outcome, world, options);
    } finally {
      lake.close();
      await client.connection.close();
    }
    printPlaces(say, stack, world, dataDir, options);
    if (options.keep === true) await interrupted;
  } finally {
    await world?.tap.close();
    await stack.close();
  }
}

/** Waits until every record is in and every source has caught up; then counts once more, so that a doubled one would show. */
async function ingest(
  lake: LakeReader,
  client: Client,
  world: DemoWorld,
  stack: LocalStack,
  timeoutSeconds: number,
): Promise<Tally[]> {
  const progress = createProgress();
  const total = world.expected.reduce((sum, { records }) => sum + records, 0);
  const startedMs = performance.now();
  for (;;) {
    const found = await tally(lake);
    const done = found.reduce((sum, { rows, deadLetters }) => sum + rows + deadLetters, 0);
    const seconds = (performance.now() - startedMs) / 1000;
    progress.show(done, total, `records  ${Math.round(done / Math.max(1, seconds))} a second`);
    if (done >= total && (await caughtUp(client))) {
      progress.end();
      return tally(lake);
    }
    const died = await Promise.race([stack.worker.exited, sleep(400)]);
    if (died !== undefined || seconds > timeoutSeconds) {
      progress.end();
      throw new Error(
        died === undefined
          ? `not everything arrived within ${timeoutSeconds} s:\n  ${differences(found, world.expected).join('\n  ')}`
          : `the worker ended (${died}); its log is in the data directory`,
      );
    }
  }
}

async function caughtUp(client: Client): Promise<boolean> {
  const sources = await runningSources(client);
  const statuses = await Promise.all(sources.map((source) => sourceStatus(client, source)));
  return statuses.length > 0 && statuses.every(({ pipelineState }) => pipelineState === 'idle');
}

async function report(lake: LakeReader, found: readonly Tally[], world: DemoWorld, { json }: Options): Promise<void> {
  const wrong = differences(found, world.expected);
  const question = 'classification=phish sender_ip=*';
  const answer = await search(lake, {
    query: question,
    tables: ['proofpoint_tap_clicks_permitted'],
    tenantIds: ['acme'],
    fromMs: world.fromMs - 30 * 86_400_000,
    toMs: world.toMs,
    timeColumn: 'event_time',
    limit: 5,
  });
  if (json === true) {
    printJson({
      exact: wrong.length === 0,
      differences: wrong,
      tables: found,
      search: { query: question, hits: answer.hits.length, more: answer.more },
    });
  } else {
    process.stdout.write('\n');
    printTable(
      ['tenant', 'table', 'records', 'rows', 'dead letters', 'last event'],
      found.map(({ tenantId, table, records, rows, deadLetters, lastEvent }) => [
        tenantId,
        table,
        records,
        rows,
        deadLetters,
        lastEvent,
      ]),
    );
    process.stdout.write(
      `\nWho of acme clicked on phish and was let through?  npm run --silent ppi -- search '${question}' --table tap_clicks_permitted --tenant acme\n\n`,
    );
    printTable(
      ['event_time', 'recipient', 'url', 'click_ip'],
      answer.hits.map(({ row }) => ['event_time', 'recipient', 'url', 'click_ip'].map((column) => row[column])),
    );
  }
  if (wrong.length > 0) throw new Error(`the lake does not hold exactly what went in:\n  ${wrong.join('\n  ')}`);
  if (json !== true) process.stdout.write('\nEvery record that went in is in the lake exactly once.\n');
}

function printPlaces(
  say: (line: string) => void,
  stack: LocalStack,
  world: DemoWorld,
  dataDir: string,
  { keep }: Options,
): void {
  const places = [
    `lake      ${stack.config.lake.dataPath}`,
    `landing   ${join(dataDir, 'landing')}`,
    `logs      ${join(dataDir, 'logs')}`,
  ];
  if (keep === true) {
    places.push(
      `Temporal UI    ${stack.temporal.uiUrl}`,
      `Temporal       ${stack.temporal.address}`,
      `S3 server      ${stack.s3.endpoint}  (key ${demoCredentials.accessKeyId}, secret ${demoCredentials.secretAccessKey})`,
      `simulated TAP  ${world.tap.url}`,
      '',
      'Try, in another terminal:',
      `  export TEMPORAL_ADDRESS=${stack.temporal.address} DATA_DIR=${dataDir} ALLOW_PRIVATE_ENDPOINTS=1`,
      '  npm run --silent ppi -- sources list',
      '',
      'Ctrl-C stops it.',
    );
  }
  say(`\n${places.join('\n')}`);
}
