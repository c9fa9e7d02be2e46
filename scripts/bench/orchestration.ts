/**
 * `npm run bench:orchestration`: what the orchestration costs. Real workflows on a real Temporal server; the activities do nothing, so that
 * what is counted is Temporal's share alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { Option } from 'commander';
import type { FetchTapWindowInput, LoadBatchInput } from '../../activities/contracts.ts';
import { batchId } from '../../sources/batch.ts';
import { type TapSettings, tapSettings } from '../../sources/settings.ts';
import { readConfig } from '../../workers/config.ts';
import { workflowBundlePath } from '../../workers/workflow-bundle.ts';
import { workflowIdOf } from '../../workflows/source-state.ts';
import { countOption } from '../commands/context.ts';
import { printJson, printTable } from '../output.ts';
import { sourceStatus, startSource } from '../source-registry.ts';
import { startTemporalServer } from '../stack/temporal-server.ts';
import { runTool, tool } from '../tool.ts';

const taskQueue = 'bench';

/** What Temporal bills or stores for one source. */
interface Cost {
  readonly events: number;
  readonly bytes: number;
  /** Activities, timers, started workflows and search attribute updates. */
  readonly actions: number;
}

interface Measured {
  readonly sources: number;
  readonly windowsPerSource: number;
  readonly windowsPerSecond: number;
  readonly eventsPerWindow: number;
  readonly bytesPerWindow: number;
  readonly actionsPerWindow: number;
}

const activities = {
  async fetchTapWindow({ batch, ...name }: FetchTapWindowInput) {
    return { batchId: batchId(name, batch), landed: 'stored', requests: 1, clockSkewSeconds: 0 };
  },
  async loadBatch({ batch, ...name }: LoadBatchInput) {
    return { batchId: batchId(name, batch), records: 0, rows: 0, rowsAdded: 0, deadLetters: 0 };
  },
};

const { EventType } = proto.temporal.api.enums.v1;
const counted = new Set<number>([
  EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
  EventType.EVENT_TYPE_TIMER_STARTED,
  EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
  EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
]);

async function costOf(client: Client, workflowId: string): Promise<Cost> {
  const handle = client.workflow.getHandle(workflowId);
  const { historyLength, raw } = await handle.describe();
  const { events } = await handle.fetchHistory();
  return {
    events: historyLength,
    bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
    actions: (events ?? []).filter(({ eventType }) => counted.has(Number(eventType))).length,
  };
}

async function measure(client: Client, sources: number, hours: number): Promise<Measured> {
  const settings: TapSettings = tapSettings.parse({
    kind: 'tap',
    principal: 'env:P',
    secret: 'env:S',
    startFrom: `-${hours}h`,
  });
  const names = Array.from({ length: sources }, (_, index) => ({
    tenantId: `of-${sources}`,
    sourceId: `source-${index}`,
  }));
  const startedMs = performance.now();
  for (const name of names) await startSource(client, taskQueue, { ...name, settings });
  for (const name of names)
    while ((await sourceStatus(client, name)).pipelineState !== 'idle')
      await new Promise((resolve) => setTimeout(resolve, 100));
  const seconds = (performance.now() - startedMs) / 1000;
  const { totals } = await sourceStatus(client, names[0] ?? { tenantId: '', sourceId: '' });
  const costs = await Promise.all(names.slice(0, 10).map((name) => costOf(client, workflowIdOf(name))));
  const perWindow = (part: keyof Cost) =>
    costs.reduce((sum, cost) => sum + cost[part], 0) / costs.length / totals.batches;
  return {
    sources,
    windowsPerSource: totals.batches,
    windowsPerSecond: Math.round((totals.batches * sources) / seconds),
    eventsPerWindow: round(perWindow('events')),
    bytesPerWindow: Math.round(perWindow('bytes')),
    actionsPerWindow: round(perWindow('actions')),
  };
}

const round = (value: number) => Math.round(value * 10) / 10;

interface Steady {
  readonly windows: number;
  readonly eventsPerWindow: number;
  readonly bytesPerWindow: number;
  readonly actionsPerWindow: number;
  /** At the default of a window every five minutes, settle reads included. */
  readonly actionsPerSourceHour: number;
}

/** One live window at a time, as it is once a source has caught up: one a minute, for as many minutes. */
async function measureSteady(client: Client, minutes: number): Promise<Steady> {
  const name = { tenantId: 'steady', sourceId: 'source' };
  const settings = tapSettings.parse({
    kind: 'tap',
    principal: 'env:P',
    secret: 'env:S',
    startFrom: '-1h',
    every: '1m',
  });
  await startSource(client, taskQueue, { ...name, settings });
  const look = async () => ({
    status: await sourceStatus(client, name),
    cost: await costOf(client, workflowIdOf(name)),
  });
  const until = async (holds: (now: Awaited<ReturnType<typeof look>>) => boolean) => {
    for (;;) {
      const now = await look();
      if (holds(now)) return now;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  const before = await until(({ status }) => status.pipelineState === 'idle');
  const after = await until(
    ({ status }) => status.pipelineState === 'idle' && status.totals.batches >= before.status.totals.batches + minutes,
  );
  const windows = after.status.totals.batches - before.status.totals.batches;
  const perWindow = (part: keyof Cost) => (after.cost[part] - before.cost[part]) / windows;
  return {
    windows,
    eventsPerWindow: round(perWindow('events')),
    bytesPerWindow: Math.round(perWindow('bytes')),
    actionsPerWindow: round(perWindow('actions')),
    actionsPerSourceHour: Math.round(perWindow('actions') * (12 + 2)),
  };
}

interface Options {
  readonly sources: readonly number[];
  readonly hours: number;
  readonly minutes: number;
  readonly json?: true;
}

async function run(options: Options): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const dataDir = mkdtempSync(join(tmpdir(), 'bench-'));
  const server = await startTemporalServer({ logFile: join(dataDir, 'temporal.log'), uiPort: 'none' });
  const client = new Client({ connection: await Connection.connect({ address: server.address }) });
  const connection = await NativeConnection.connect({ address: server.address });
  const codePath = await workflowBundlePath(readConfig());
  const worker = await Worker.create({ connection, taskQueue, workflowBundle: { codePath }, activities });
  const running = worker.run();
  try {
    const steady = await measureSteady(client, options.minutes);
    const catchingUp: Measured[] = [];
    for (const sources of options.sources) catchingUp.push(await measure(client, sources, options.hours));
    if (options.json) printJson({ steady, catchingUp });
    else {
      process.stdout.write('Caught up, one window at a time:\n');
      printTable(Object.keys(steady), [Object.values(steady)]);
      process.stdout.write('\nCatching up, four windows at a time:\n');
      printTable(
        Object.keys(catchingUp[0] ?? {}),
        catchingUp.map((row) => Object.values(row)),
      );
    }
  } finally {
    worker.shutdown();
    await running;
    await connection.close();
    await client.connection.close();
    await server.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await runTool(
  tool(
    'bench:orchestration',
    'what a window costs Temporal: events, bytes, actions',
    '--sources 10 --hours 12 --minutes 4',
  )
    .addOption(
      new Option('--sources <counts>', 'how many catch up at once, one measurement each')
        .default([10, 100, 1000], '10,100,1000')
        .argParser((value: string) => value.split(',').map(countOption)),
    )
    .addOption(new Option('--hours <count>', 'to catch up').default(12).argParser(countOption))
    .addOption(new Option('--minutes <count>', 'to read when caught up').default(4).argParser(countOption))
    .action(run),
);
