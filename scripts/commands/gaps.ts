/** `ppi gaps`: what was not read. */
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { IngestError } from '../../errors/ingest-error.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { isoSeconds, type SourceName } from '../../sources/batch.ts';
import { oldestMinuteMs } from '../../sources/tap/plan.ts';
import type { Config } from '../../workers/config.ts';
import { startTapBackfill } from '../backfills.ts';
import { note, printJson, printTable, printText } from '../output.ts';
import { documented, type JsonOption, mustAllAnswer, type Silent, withExample, withLakeAndClient } from './context.ts';
import { isTap, readUpToMs, sourceCoverage, type TapStatus } from './coverage.ts';
import { mustBeTenants } from './known-tenants.ts';
import { askSources } from './sources.ts';

export function addGaps(noun: Command): void {
  const gaps = withExample(noun, 'ppi gaps list --tenant acme');
  documented(gaps.command('list'), 'ppi gaps list --tenant acme')
    .description('unread and lost time between the start and the cursor of each TAP source')
    .option('--tenant <tenant>', 'of one tenant')
    .action(async ({ tenant, json }: JsonOption & { tenant?: string }) => {
      const { gaps: found, silent, taps } = await withLakeAndClient((lake, client) => listGaps(lake, client, tenant));
      if (taps === 0 && silent.length === 0) tellNoSource(tenant, json);
      else if (json === true) for (const gap of found) printJson(gap);
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
      const { started, silent, taps } = await withLakeAndClient((lake, client, config) =>
        fillGaps(lake, client, config, tenant),
      );
      if (taps === 0 && silent.length === 0) tellNoSource(tenant, json);
      else if (json === true) for (const each of started) printJson(each);
      else if (started.length === 0) process.stdout.write('nothing to fill\n');
      else
        printTable(
          ['tenant', 'source', 'from', 'to', 'windows'],
          started.map(({ tenantId, sourceId, from, to, windows }) => [tenantId, sourceId, from, to, windows]),
        );
      mustAllAnswer(silent, nameOf);
    });
}

/** S3 sources have no gaps to tell of: what has none because nothing was looked at must not look complete. */
function tellNoSource(tenant: string | undefined, json: boolean | undefined): void {
  const said = `no TAP source${tenant === undefined ? '' : ` of ${tenant}`}`;
  if (json === true) note(said);
  else printText(said);
}

const nameOf = ({ tenantId, sourceId }: SourceName) => `${tenantId}/${sourceId}`;

interface Gap extends SourceName {
  readonly from: string;
  readonly to: string;
  readonly state: 'unread' | 'lost';
  readonly fillable: boolean;
}

async function tapSources(
  lake: LakeReader,
  client: Client,
  tenantId?: string,
): Promise<{ taps: TapStatus[]; silent: Silent<SourceName>[] }> {
  const { answers, silent } = await askSources(client, tenantId);
  if (tenantId !== undefined && answers.length + silent.length === 0) await mustBeTenants([tenantId], { lake, client });
  return { taps: answers.filter(isTap), silent };
}

async function listGaps(lake: LakeReader, client: Client, tenantId?: string) {
  const { taps, silent } = await tapSources(lake, client, tenantId);
  const gaps: Gap[] = [];
  const oldestMs = oldestMinuteMs(Date.now());
  for (const status of taps) {
    const intervals = await sourceCoverage(lake, status, { toMs: readUpToMs(status) });
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
  return { gaps, silent, taps: taps.length };
}

async function fillGaps(lake: LakeReader, client: Client, config: Config, tenantId?: string) {
  const { taps, silent } = await tapSources(lake, client, tenantId);
  const started = [];
  for (const status of taps) {
    const gaps = await sourceCoverage(lake, status, { toMs: readUpToMs(status) });
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
  return { started, silent, taps: taps.length };
}
