/**
 * `npm run bench:tables`: how fast records become rows, and rows a commit, on one core, and how that compares with DuckDB's own SQL on the same file,
 * as a user writes it and in the fastest form, and with nothing but gunzip and a split into lines. The floor is what the load would be if our own code
 * took no time.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Option } from 'commander';
import { tableNames, type TableName } from '../../tables/table.ts';
import { readConfig } from '../../workers/config.ts';
import { countOption } from '../commands/context.ts';
import { printJson, printTable } from '../output.ts';
import { scriptArguments } from '../script.ts';
import { runTool, tool } from '../tool.ts';
import { benchInput, type Input } from './input.ts';
import type { Measurement, Mode } from './measure.ts';
import { isLineTable } from './statement.ts';

const directory = join(readConfig().dataDir, 'bench');
const run = promisify(execFile);

interface Options {
  readonly records: number;
  readonly table: readonly TableName[];
  readonly repeat: number;
  readonly json?: true;
}

/** The command that keeps a process on one core, where there is one: DuckDB and Node use threads otherwise. */
async function pinning(): Promise<readonly string[]> {
  const pin = ['taskset', '-c', String(availableParallelism() - 1)];
  const works = await run(pin[0] ?? '', [...pin.slice(1), 'true']).then(
    () => true,
    () => false,
  );
  return works ? pin : [];
}

async function measureOnce(pin: readonly string[], mode: Mode, table: TableName, input: Input): Promise<Measurement> {
  const scratch = mkdtempSync(join(directory, 'run-'));
  try {
    const command = [...pin, process.execPath, ...scriptArguments('bench/measure'), mode, table, input.path, scratch];
    const { stdout } = await run(command[0] ?? '', command.slice(1));
    return JSON.parse(stdout) as Measurement;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Each figure's median. */
function medians(measured: readonly Measurement[]): Measurement {
  const median = (figure: keyof Measurement) =>
    measured.map((each) => each[figure]).sort((one, other) => one - other)[Math.floor(measured.length / 2)] ?? 0;
  return {
    seconds: median('seconds'),
    cpuSeconds: median('cpuSeconds'),
    peakMemoryMegabytes: median('peakMemoryMegabytes'),
    stallMs: median('stallMs'),
  };
}

async function measureTable(pin: readonly string[], table: TableName, { records, repeat }: Options) {
  const input = await benchInput(directory, table, records);
  const measured: Partial<Record<Mode, Measurement>> = {};
  const modes: readonly Mode[] = [
    'lines',
    'parse',
    'load',
    'floor',
    'sql',
    ...(isLineTable(table) ? (['plainSql'] as const) : []),
  ];
  for (const mode of modes) {
    const tries: Measurement[] = [];
    for (let count = 0; count < repeat; count += 1) tries.push(await measureOnce(pin, mode, table, input));
    measured[mode] = medians(tries);
  }
  const cpuSeconds = (mode: Mode) => measured[mode]?.cpuSeconds ?? Number.NaN;
  const rate = (mode: Mode, amount: number) => amount / cpuSeconds(mode);
  const ratio = (mode: Mode, to: Mode) => round(cpuSeconds(to) / cpuSeconds(mode));
  const megabytes = input.sizeBytes / 1e6;
  return {
    table,
    records,
    megabytes: Math.round(megabytes),
    parseRecordsPerSecond: Math.round(rate('parse', records)),
    parseMegabytesPerSecond: round(rate('parse', megabytes)),
    loadRecordsPerSecond: Math.round(rate('load', records)),
    loadMegabytesPerSecond: round(rate('load', megabytes)),
    loadPeakMemoryMegabytes: Math.round(measured.load?.peakMemoryMegabytes ?? 0),
    loadLongestStallMs: Math.round(measured.load?.stallMs ?? 0),
    parseToLines: ratio('parse', 'lines'),
    loadToLines: ratio('load', 'lines'),
    loadToPlainSql: isLineTable(table) ? ratio('load', 'plainSql') : null,
    loadToFastestSql: ratio('load', 'sql'),
    floorToPlainSql: isLineTable(table) ? ratio('floor', 'plainSql') : null,
    floorToFastestSql: ratio('floor', 'sql'),
    measured,
  };
}

const round = (value: number) => Math.round(value * 100) / 100;

const headings = [
  ['table', 'table'],
  ['megabytes', 'MB'],
  ['parseRecordsPerSecond', 'parse rec/s'],
  ['parseMegabytesPerSecond', 'MB/s'],
  ['loadRecordsPerSecond', 'parse+commit rec/s'],
  ['loadMegabytesPerSecond', 'MB/s'],
  ['loadPeakMemoryMegabytes', 'peak MB'],
  ['loadLongestStallMs', 'stall ms'],
  ['loadToPlainSql', 'x SQL as written'],
  ['floorToPlainSql', 'floor'],
  ['loadToFastestSql', 'x SQL at its fastest'],
  ['floorToFastestSql', 'floor'],
  ['loadToLines', 'x gunzip+lines'],
] as const;

await runTool(
  tool(
    'bench:tables',
    'how fast records become rows, and rows a commit, on one core, and how that compares with SQL',
    '--table proofpoint_on_demand_message --records 100000',
  )
    .addOption(new Option('--records <count>', 'of each table').default(500_000).argParser(countOption))
    .addOption(new Option('--table <table...>', 'these only').default(tableNames, 'all').choices(tableNames))
    .addOption(new Option('--repeat <count>', 'tries, whose medians count').default(3).argParser(countOption))
    .action(async (options: Options) => {
      const pin = await pinning();
      if (pin.length === 0) process.stderr.write('taskset is missing: threads may use other cores\n');
      const results = [];
      for (const table of options.table) {
        process.stderr.write(`${table}\n`);
        results.push(await measureTable(pin, table, options));
      }
      if (options.json) printJson({ pinned: pin.length > 0, repeat: options.repeat, results });
      else
        printTable(
          headings.map(([, heading]) => heading),
          results.map((result) => headings.map(([key]) => result[key])),
        );
    }),
);
