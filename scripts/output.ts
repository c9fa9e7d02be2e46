/** What commands print: a table for people, JSON for programs, errors with their remedy. */
import { IngestError } from '../errors/ingest-error.ts';

/** A command line that cannot be meant: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Columns as wide as their widest value; the last one may be cut to the width of the terminal. */
export function printTable(columns: readonly string[], rows: readonly (readonly unknown[])[]): void {
  const cells = [columns, ...rows].map((row) => row.map(cell));
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
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
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  // control characters come from senders and could drive the terminal
  return text.replaceAll(/\p{Cc}/gu, ' ');
}

/** RFC 4180. */
export function printCsv(columns: readonly string[], rows: readonly (readonly unknown[])[]): void {
  for (const row of [columns, ...rows]) process.stdout.write(`${row.map(csvField).join(',')}\r\n`);
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Prints the error and gives the exit code: 1 failed, 2 wrong usage. */
export function reportError(error: unknown, json: boolean): 1 | 2 {
  const usage = error instanceof UsageError || (error instanceof IngestError && error.code === 'lake.query');
  const message = error instanceof Error ? error.message : String(error);
  const known =
    error instanceof IngestError
      ? { code: error.code, message, remedy: error.remedy }
      : { code: usage ? 'usage' : 'internal', message };
  if (json) printJson({ error: known });
  else {
    process.stderr.write(`error: ${message}\n`);
    if (error instanceof IngestError) process.stderr.write(`what to do: ${error.remedy}\n`);
    else if (!usage && error instanceof Error && process.env['LOG_LEVEL'] === 'debug')
      process.stderr.write(`${error.stack}\n`);
  }
  return usage ? 2 : 1;
}
