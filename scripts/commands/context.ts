/** What every command shares: options, configuration, connections that are closed again. */
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import { type LakeReader, openLakeReader } from '../../lake/reader.ts';
import { parseDuration } from '../../sources/duration.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';

export interface JsonOption {
  readonly json?: boolean;
}

/** `--json` and an example: every command has both. */
export function documented(command: Command, example: string): Command {
  return command
    .option('--json', 'print JSON: one document, or one line a row for lists')
    .addHelpText('after', `\nExample:\n  ${example}`);
}

export async function withClient<T>(work: (client: Client, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig();
  const client = await connectClient(config);
  try {
    return await work(client, config);
  } finally {
    await client.connection.close();
  }
}

export async function withLake<T>(work: (lake: LakeReader) => Promise<T>): Promise<T> {
  const config = readConfig();
  const lake = await openLakeReader({ ...config.lake, s3: config.aws });
  try {
    return await work(lake);
  } finally {
    lake.close();
  }
}

/** `now`, a span back from now (`-24h`), or an ISO time; epoch milliseconds. */
export function timeOption(value: string): number {
  if (value === 'now') return Date.now();
  const seconds = value.startsWith('-') ? parseDuration(value.slice(1)) : undefined;
  if (seconds !== undefined) return Date.now() - seconds * 1000;
  // without a zone JavaScript would take the machine's
  const time = Date.parse(/\d{2}:\d{2}/.test(value) && !/(Z|[+-]\d\d:?\d\d)$/.test(value) ? `${value}Z` : value);
  if (!/^\d{4}-/.test(value) || Number.isNaN(time))
    throw new InvalidArgumentError('expected "now", a span such as -24h, or a time such as 2026-01-31T05:00:00Z');
  return time;
}

export function countOption(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('expected a whole number above 0');
  return count;
}
