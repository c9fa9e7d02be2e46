/** `ppi coverage`: proof of what was read. */
import { type Command, Option } from 'commander';
import { coverageOf, type CoverageInterval, coveragePicture, readWindows } from '../../lake/coverage.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { isoSeconds } from '../../sources/batch.ts';
import type { TapSettings } from '../../sources/settings.ts';
import type { SourceStatus } from '../../workflows/source-state.ts';
import { lagWords } from '../../workflows/status-page.ts';
import { printJson, printTable, UsageError } from '../output.ts';
import { sourceStatus } from '../source-registry.ts';
import { documented, type JsonOption, timeOption, withLakeAndClient } from './context.ts';

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
        mustBeginBeforeEnd(from, to ?? Date.now());
        const name = { tenantId: tenant, sourceId: source };
        const { status, intervals } = await withLakeAndClient(async (lake, client) => {
          const tap = mustBeTap(await sourceStatus(client, name));
          if (to !== undefined) mustBeginBeforeEnd(from ?? Date.parse(tap.startedFrom), to);
          const range = { fromMs: from, toMs: to === undefined ? undefined : Math.ceil(to / 60_000) * 60_000 };
          return { status: tap, intervals: await sourceCoverage(lake, tap, range) };
        });
        const rows = intervals.map((interval) => coverageRow(interval, status));
        if (json === true) for (const row of rows) printJson(row);
        else printCoverage(status, intervals, rows);
      },
    );
}

/** @throws UsageError */
function mustBeginBeforeEnd(fromMs: number | undefined, toMs: number): void {
  if (fromMs !== undefined && fromMs >= toMs) throw new UsageError('--from must be before --to');
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

export type TapStatus = SourceStatus & { readonly settings: TapSettings };

export function isTap(status: SourceStatus): status is TapStatus {
  return status.settings.kind === 'tap';
}

/** Up to where live reads can have come. A cursor that was set into the future has read nothing of it. */
export function readUpToMs({ cursor, settings }: TapStatus): number {
  return Math.min(Date.parse(cursor), floorToMinute(Date.now() - settings.lag * 1000));
}

function floorToMinute(timeMs: number): number {
  return Math.floor(timeMs / 60_000) * 60_000;
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
  const fromMs = floorToMinute(range.fromMs ?? Date.parse(startedFrom));
  const toMs = floorToMinute(range.toMs ?? Date.now());
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
