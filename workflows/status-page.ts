/** The text that the Temporal UI shows on top of a source's page. Pure. */
import type { SourceStatus } from './source-state.ts';

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
  ].filter(([, value]) => value !== '-');
  const page = facts.map(([label, value]) => `- ${label}: ${value}`).join('\n');
  if (lastError === undefined) return page;
  return `${page}\n\nLast error: ${inline(lastError.code)} at ${lastError.at}\n\n${fenced(lastError.message)}\n\nWhat to do: ${lastError.remedy}`;
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
