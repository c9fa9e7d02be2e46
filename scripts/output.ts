/** What commands print: a table for people, JSON for programs, notes beside it, errors with their remedy. */
import { IngestError } from '../errors/ingest-error.ts';
import { reasonOf } from '../errors/reason.ts';

/** A command line that cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const usageRemedy = 'add --help to see what the command takes';

// a reader that has seen enough (`| head`) is no failure
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

/** Control characters and those that turn the direction of text: they come from senders and could drive or fool a terminal. */
const unprintable = /[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu;

/** The same value whatever it holds, but nothing that a terminal acts on. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value).replaceAll(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  process.stdout.write(`${text}\n`);
}

/** Text of several lines. */
export function printText(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

function printable(text: string): string {
  return text.replaceAll(unprintable, (character) => (character === '\n' ? character : ' '));
}

/** Columns as wide as their widest value; the last one may be cut to the width of the terminal. */
export function printTable(columns: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const cells = [columns, ...rows].map((row) => row.map(cell));
  const widths = columns.map((_, index) => cells.reduce((width, row) => Math.max(width, row[index]?.length ?? 0), 0));
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === 'number'));
  const lineMax = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  for (const row of cells) {
    const line = row.map((text, index) =>
      numeric[index] ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0),
    );
    process.stdout.write(`${line.join('  ').trimEnd().slice(0, lineMax)}\n`);
  }
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return asText(value).replaceAll(unprintable, ' ');
}

/** What people should know beside the data. It goes to standard error: standard output is for programs. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** The first `limit` of what was read one beyond it, and a note where there are more. */
export function firstOf<T>(read: readonly T[], limit: number): readonly T[] {
  if (read.length > limit) note(`the first ${limit}, and more: raise --limit`);
  return read.slice(0, limit);
}

/** RFC 4180; nothing is no value, `""` the empty text. Exact for programs, without control characters on a terminal. */
export function printCsv(columns: readonly string[], rows: readonly (readonly unknown[])[]): void {
  for (const row of [columns, ...rows]) {
    const line = row.map(csvField).join(',');
    process.stdout.write(`${process.stdout.isTTY ? printable(line) : line}\r\n`);
  }
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = asText(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Prints the error, for programs also as JSON, and gives the exit code: 1 failed, 2 wrong usage. */
export function reportError(error: unknown, json: boolean): 1 | 2 {
  const message = error instanceof Error ? error.message : String(error);
  const { code, remedy } = classify(error);
  const reason = reasonOf(error);
  const lines = [`error: ${message}`, ...(reason === undefined ? [] : [`because: ${reason}`])];
  process.stderr.write(printable([...lines, `what to do: ${remedy}`].join('\n')) + '\n');
  if (code === 'internal' && error instanceof Error && process.env['LOG_LEVEL'] === 'debug')
    process.stderr.write(`${printable(error.stack ?? '')}\n`);
  if (json) printError({ code, message, ...(reason === undefined ? {} : { reason }), remedy });
  return code === 'usage' || code === 'lake.query' ? 2 : 1;
}

function classify(error: unknown): { code: string; remedy: string } {
  if (error instanceof IngestError) return error;
  if (error instanceof UsageError) return { code: 'usage', remedy: usageRemedy };
  return { code: 'internal', remedy: 'run it again with LOG_LEVEL=debug to see where it arose' };
}

/** For programs: what the command line parser has refused, and told people already. */
export function printRefusal(message: string): void {
  printError({ code: 'usage', message: message.replace(/^error: /, ''), remedy: usageRemedy });
}

function printError(error: {
  readonly code: string;
  readonly message: string;
  readonly reason?: string;
  readonly remedy: string;
}): void {
  printJson({ error });
}
