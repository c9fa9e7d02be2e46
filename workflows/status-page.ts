/** The text that the Temporal UI shows on top of a source's page. Pure. */
import type { MergedTable } from '../lake/merging.ts';
import { nowMs } from '../sources/clock.ts';
import { formatDuration } from '../sources/duration.ts';
import { requestsPerDay, usedRequests } from '../sources/tap/budget.ts';
import type { BackfillStatus } from './backfill-state.ts';
import type { QueueStatus } from './queue-state.ts';
import type { S3Detail } from './s3-detail.ts';
import type { SourceError, SourceStatus } from './source-state.ts';
import type { TapDetail } from './tap-detail.ts';

const words: Record<SourceStatus['pipelineState'], string> = {
  running: 'reading, more waits',
  idle: 'healthy, caught up',
  late: 'reading, but behind',
  backoff: 'failing, tried again by itself',
  blocked: 'stopped until an operator acts',
  paused: 'paused by an operator',
};

/** Markdown; error text stands in a fence because it may hold anything. */
export function statusPage(status: SourceStatus): string {
  const { totals, lastError } = status;
  const facts = [
    ['State', `**${status.pipelineState}** (${words[status.pipelineState]})`],
    ['Pause', status.pauseReason ?? '-'],
    ['Cursor', inline(status.cursor === '' ? 'start of the prefix' : status.cursor)],
    ['Complete up to', status.watermark ?? '-'],
    ['Lag', status.lagSeconds === undefined ? '-' : lagWords(status.lagSeconds)],
    ['Next read', status.nextReadAt ?? '-'],
    [
      'Read so far',
      `${totals.batches} batches, ${totals.records} records, ${totals.rowsAdded} rows added, ${totals.deadLetters} dead letters`,
    ],
    ['Errors in a row', String(status.consecutiveErrors)],
    ...(status.tap === undefined ? [] : tapFacts(status.tap)),
    ...(status.s3 === undefined ? [] : s3Facts(status.s3)),
  ].filter(([, value]) => value !== '-');
  const page = facts.map(([label, value]) => `- ${label}: ${value}`).join('\n');
  if (lastError === undefined) return page;
  return `${page}\n\n${errorPart(lastError)}`;
}

function errorPart({ code, at, message, remedy }: SourceError): string {
  return `Last error: ${inline(code)} at ${at}\n\n${fenced(message)}\n\nWhat to do: ${remedy}`;
}

function tapFacts({ settled, late, requests, clockSkewSeconds }: TapDetail): [string, string][] {
  const used = usedRequests(requests, nowMs());
  return [
    ...Object.entries(settled).map(([pass, to]): [string, string] => {
      const { windows = 0, rowsAdded = 0 } = late[pass] ?? {};
      return [
        `Settled (${pass.replace('settle-', 'after ')})`,
        `up to ${to}; ${rowsAdded} late events in ${windows} windows`,
      ];
    }),
    ['Requests in 24 h', `${used.live} live, ${used.settle} settle, ${used.backfill} backfill of ${requestsPerDay}`],
    ['Clock of the vendor', clockSkewWords(clockSkewSeconds)],
  ];
}

function s3Facts({
  listRequests,
  objectsSeen,
  found,
  lookedBackAt,
  fullAt,
  gone,
  archived,
  refused,
}: S3Detail): [string, string][] {
  return [
    ['Listed', `${objectsSeen} objects in ${listRequests} requests`],
    ['Looked back', `last at ${lookedBackAt}; ${found['look-back']} late or overwritten objects found`],
    ['Whole prefix listed', `last at ${fullAt}; ${found.full} more found`],
    ['Deleted before they were read', gone === 0 ? '-' : String(gone)],
    ['Archived', archived === 0 ? '-' : `${archived}, each a dead letter that says what to do`],
    [
      'Refused',
      refused === undefined ? '-' : `${inline(refused.key)} ${inline(refused.code)}: ${refused.remedy}; tried again`,
    ],
  ];
}

function clockSkewWords(seconds: number | undefined): string {
  if (seconds === undefined) return 'not known yet';
  return seconds === 0 ? 'agrees' : `${seconds} s off, allowed for`;
}

/** The same for a backfill. `ended`: how, where it has. */
export function backfillPage(status: BackfillStatus, ended?: string): string {
  const { state, from, to, unitsTotal, done, failedCount, failed, totals, requests } = status;
  // one that has ended says of itself for good what it was doing then
  const { outage, etaSeconds } = ended === undefined ? status : {};
  const facts = [
    ['State', `**${ended ?? state}**`],
    ['Time', `${from} to ${to}`],
    ['Done', `${done} of ${unitsTotal}, ${failedCount} failed`],
    [
      'Waits',
      outage === undefined ? '-' : `until ${outage.retryAt}, for ${inline(outage.code)} ${inline(outage.message)}`,
    ],
    ['Remedy', outage?.remedy ?? '-'],
    ['Time left', state === 'done' || etaSeconds === undefined ? '-' : formatDuration(etaSeconds)],
    ['Found', `${totals.records} records, ${totals.rowsAdded} rows added, ${totals.deadLetters} dead letters`],
    ['Requests', requests === 0 ? '-' : String(requests)],
    ...failed.map(({ unit, code }) => ['Failed', `${inline(unit)} ${inline(code)}`]),
  ];
  return facts
    .filter(([, value]) => value !== '-')
    .map(([label, value]) => `- ${label}: ${value}`)
    .join('\n');
}

/** The same for a notification queue. */
export function queuePage(status: QueueStatus): string {
  const { condition, pauseReason, nextLookAt, consecutiveErrors, totals, foreign, settings, lastError } = status;
  const strangers = Object.entries(foreign).map(([bucket, messages]) => `${messages} of ${inline(bucket)}`);
  const facts = [
    ['State', `**${condition}**`],
    ['Pause', pauseReason ?? '-'],
    ['Queue', inline(settings.queueUrl)],
    [
      'Sources',
      `${settings.routes.length}, ${settings.routes.filter(({ paused }) => paused === true).length} of them paused`,
    ],
    ['Next look', nextLookAt ?? '-'],
    ['Messages', `${totals.received} received, ${totals.done} done, ${totals.kept} kept as letters`],
    ['Loaded', `${totals.batches} objects, ${totals.rowsAdded} rows added, ${totals.deadLetters} dead letters`],
    ['Objects that failed', totals.failed === 0 ? '-' : `${totals.failed}; their messages come again`],
    ['Foreign objects, not loaded', strangers.join(', ') || '-'],
    ['Errors in a row', String(consecutiveErrors)],
  ].filter(([, value]) => value !== '-');
  const page = facts.map(([label, value]) => `- ${label}: ${value}`).join('\n');
  return lastError === undefined ? page : `${page}\n\n${errorPart(lastError)}`;
}

/** What the maintenance of the lake has merged so far. */
export function maintenancePage(merged: readonly MergedTable[]): string {
  const rows = merged.map(({ table, filesBefore, filesAfter }) => `| ${table} | ${filesBefore} | ${filesAfter} |`);
  return ['| table | files before | after |', '| --- | --- | --- |', ...rows].join('\n');
}

export function lagWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

function fenced(text: string): string {
  const fence = fenceFor(text, 3);
  return `${fence}\n${text}\n${fence}`;
}

function inline(text: string): string {
  const fence = fenceFor(text, 1);
  return `${fence}${text}${fence}`;
}

/** A run of backticks longer than any in the text. */
function fenceFor(text: string, lengthMin: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  return '`'.repeat(Math.max(lengthMin, longest + 1));
}
