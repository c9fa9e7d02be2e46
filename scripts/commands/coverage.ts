/** `ppi coverage` and `ppi gaps`: proof of what was read, and what was not. */
import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { IngestError } from '../../errors/ingest-error.ts';
import { coverageOf, type CoverageInterval, coveragePicture, readWindows } from '../../lake/coverage.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { isoSeconds, type SourceName } from '../../sources/batch.ts';
import type { TapSettings } from '../../sources/settings.ts';
import { oldestMinuteMs } from '../../sources/tap/plan.ts';
import type { Config } from '../../workers/config.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { lagWords } from '../../workflows/status-page.ts';
import { startTapBackfill } from '../backfills.ts';
import { printJson, printTable, UsageError } from '../output.ts';
import { sourceStatus } from '../source-registry.ts';
import { documented, type JsonOption, mustAllAnswer, type Silent, timeOption, withLakeAndClient } from './context.ts';
import { askSources } from './sources.ts';

/** `failing`: not read because the source fails now. */
export type ShownState = CoverageInterval['state'] | 'failing';

interface CoverageRow {
  readonly from: string;
  readonly to: string;
  readonly state: ShownState;
  readonly passes: number;
}

export function addCoverage(noun: Command): void {
  documented(noun, 'ppi coverage --tenant acme --source tap --from -2d')
    .requiredOption('--tenant <tenant>')
    .requiredOption('--source <source>')
    .addOption(new Option('--from <time>', 'default: where the source began').argParser(timeOption))
    .addOption(new Option('--to <time>', 'default: now').argParser(timeOption))
    .action(
      async ({
        tenant,
        source,
        from,
        to,
        json,
      }: JsonOption & { tenant: string; source: string; from?: number; to?: number }) => {
        const name = { tenantId: tenant, sourceId: source };
        const { status, intervals } = await withLakeAndClient(async (lake, client) => {
          const tap = mustBeTap(await sourceStatus(client, name));
          return { status: tap, intervals: await sourceCoverage(lake, tap, { fromMs: from, toMs: to }) };
        });
        const rows = intervals.map((interval) => coverageRow(interval, status));
        if (json === true) for (const row of rows) printJson(row);
        else printCoverage(status, intervals, rows);
      },
    );
}

function printCoverage(status: TapStatus, intervals: readonly CoverageInterval[], rows: readonly CoverageRow[]): void {
  const spanMs = (intervals.at(-1)?.toMs ?? 0) - (intervals[0]?.fromMs ?? 0);
  const bucketMs = bucketSizes.find((size) => spanMs / size <= 96) ?? 86_400_000;
  process.stdout.write(`${coveragePicture(intervals, bucketMs, status.settings.settle.length)}\n`);
  process.stdout.write(
    `one character is ${lagWords(bucketMs / 1000)}: █ settled  ▒ settling  ░ read once  · unread  x lost\n\n`,
  );
  printTable(
    ['from', 'to', 'state', 'settle passes'],
    rows.map(({ from, to, state, passes }) => [from, to, state, passes]),
  );
  for (const [pass, { windows, rowsAdded }] of Object.entries(status.tap?.late ?? {})) {
    process.stdout.write(`${pass}: ${rowsAdded} late events found in ${windows} windows\n`);
  }
}

const bucketSizes = [5, 15, 30, 60, 180, 360].map((minutes) => minutes * 60_000);

export function addGaps(gaps: Command): void {
  documented(gaps.command('list'), 'ppi gaps list --tenant acme')
    .description('unread and lost time between the start and the cursor of each TAP source')
    .option('--tenant <tenant>', 'of one tenant')
    .action(async ({ tenant, json }: JsonOption & { tenant?: string }) => {
      const { gaps: found, silent } = await withLakeAndClient((lake, client) => listGaps(lake, client, tenant));
      if (json === true) for (const gap of found) printJson(gap);
      else if (found.length === 0)
        process.stdout.write(silent.length === 0 ? 'no gaps\n' : 'no gaps of those that answer\n');
      else
        printTable(
          ['tenant', 'source', 'from', 'to', 'state', 'can be filled'],
          found.map(({ tenantId, sourceId, from, to, state, fillable }) => [
            tenantId,
            sourceId,
            from,
            to,
            state,
            fillable ? 'yes' : 'no: the vendor has it no more',
          ]),
        );
      mustAllAnswer(silent, nameOf);
    });
  documented(gaps.command('fill'), 'ppi gaps fill')
    .description('start backfills for all gaps that the vendor still has')
    .option('--tenant <tenant>', 'of one tenant')
    .action(async ({ tenant, json }: JsonOption & { tenant?: string }) => {
      const { started, silent } = await withLakeAndClient((lake, client, config) =>
        fillGaps(lake, client, config, tenant),
      );
      if (json === true) for (const each of started) printJson(each);
      else if (started.length === 0) process.stdout.write('nothing to fill\n');
      else
        printTable(
          ['tenant', 'source', 'from', 'to', 'windows'],
          started.map(({ tenantId, sourceId, from, to, windows }) => [tenantId, sourceId, from, to, windows]),
        );
      mustAllAnswer(silent, nameOf);
    });
}

const nameOf = ({ tenantId, sourceId }: SourceName) => `${tenantId}/${sourceId}`;

interface Gap extends SourceName {
  readonly from: string;
  readonly to: string;
  readonly state: 'unread' | 'lost';
  readonly fillable: boolean;
}

async function tapSources(
  client: Client,
  tenantId?: string,
): Promise<{ taps: TapStatus[]; silent: Silent<SourceName>[] }> {
  const { answers, silent } = await askSources(client, tenantId);
  return { taps: answers.filter(isTap), silent };
}

async function listGaps(lake: LakeReader, client: Client, tenantId?: string) {
  const { taps, silent } = await tapSources(client, tenantId);
  const gaps: Gap[] = [];
  const oldestMs = oldestMinuteMs(Date.now());
  for (const status of taps) {
    const intervals = await sourceCoverage(lake, status, { toMs: Date.parse(status.cursor) });
    for (const { state, fromMs, toMs } of intervals) {
      if (state !== 'unread' && state !== 'lost') continue;
      gaps.push({
        tenantId: status.tenantId,
        sourceId: status.sourceId,
        from: isoSeconds(fromMs),
        to: isoSeconds(toMs),
        state,
        fillable: toMs > oldestMs,
      });
    }
  }
  return { gaps, silent };
}

async function fillGaps(lake: LakeReader, client: Client, config: Config, tenantId?: string) {
  const { taps, silent } = await tapSources(client, tenantId);
  const started = [];
  for (const status of taps) {
    const gaps = await sourceCoverage(lake, status, { toMs: Date.parse(status.cursor) });
    const oldestMs = oldestMinuteMs(Date.now());
    const intervals = gaps
      .filter(({ state, toMs }) => (state === 'unread' || state === 'lost') && toMs > oldestMs)
      .map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, oldestMs), toMs }));
    const [first] = intervals;
    const last = intervals.at(-1);
    if (first === undefined || last === undefined) continue;
    const range = { fromMs: first.fromMs, toMs: last.toMs, intervals };
    try {
      started.push(await startTapBackfill(client, config, status, range));
    } catch (error) {
      // another filling of the same gap is under way: what was asked for happens
      if (!(error instanceof IngestError) || error.code !== 'backfill.running') throw error;
    }
  }
  return { started, silent };
}

export type TapStatus = SourceStatus & { readonly settings: TapSettings };

export function isTap(status: SourceStatus): status is TapStatus {
  return status.settings.kind === 'tap';
}

function mustBeTap(status: SourceStatus): TapStatus {
  if (isTap(status)) return status;
  throw new UsageError(
    `${status.tenantId}/${status.sourceId} is an ${status.kind} source: coverage by time is for TAP sources`,
  );
}

/** Coverage of a source in a range; by default from where it began until now. */
export async function sourceCoverage(
  lake: LakeReader,
  { tenantId, sourceId, startedFrom, settings }: TapStatus,
  range: { fromMs?: number | undefined; toMs?: number | undefined },
): Promise<CoverageInterval[]> {
  const minute = (timeMs: number) => Math.floor(timeMs / 60_000) * 60_000;
  const fromMs = minute(range.fromMs ?? Date.parse(startedFrom));
  const toMs = minute(range.toMs ?? Date.now());
  const windows = await readWindows(lake, { tenantId, sourceId, fromMs, toMs });
  return coverageOf({ windows, fromMs, toMs, settleSeconds: settings.settle });
}

function coverageRow(
  { fromMs, toMs, state, passes }: CoverageInterval,
  { cursor, consecutiveErrors }: TapStatus,
): CoverageRow {
  const failing = state === 'unread' && consecutiveErrors > 0 && fromMs >= Date.parse(cursor);
  return { from: isoSeconds(fromMs), to: isoSeconds(toMs), state: failing ? 'failing' : state, passes };
}
