/** What every command shares: options, configuration, connections that are closed again. */
import { existsSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { type Command, InvalidArgumentError } from 'commander';
import pMap from 'p-map';
import { IngestError } from '../../errors/ingest-error.ts';
import { parseTimeMicros } from '../../hunt/time.ts';
import { parseCatalog } from '../../lake/catalog.ts';
import type { LakeReader } from '../../lake/reader.ts';
import { parseDuration } from '../../sources/duration.ts';
import { type Config, readConfig } from '../../workers/config.ts';
import { connectClient } from '../../workers/temporal.ts';
import { serverAnswer } from '../source-registry.ts';
import { refuse } from './refusal.ts';

export interface JsonOption {
  readonly json?: boolean;
}

/** `--json` and an example: every command has both. */
export function documented(command: Command, example: string): Command {
  return withExample(command.option('--json', 'print JSON: one document, or one line a row for lists'), example);
}

/** An example below the help, and refusals that programs can read. */
export function withExample(command: Command, example: string): Command {
  return command.addHelpText('after', `\nExample:\n  ${example}`).exitOverride(refuse);
}

export async function withClient<T>(work: (client: Client, config: Config) => Promise<T>): Promise<T> {
  const config = readConfig();
  const client = await connectClient(config);
  try {
    return await work(client, config);
  } catch (error) {
    throw castTemporalError(error);
  } finally {
    await client.connection.close();
  }
}

/** The one cast of what Temporal answers to commands; everything else stays as it is. */
function castTemporalError(error: unknown): unknown {
  if (error instanceof NamespaceNotFoundError)
    return new IngestError('temporal.unreachable', `temporal: there is no namespace ${error.namespace}`, {
      cause: error,
    });
  const answer = serverAnswer(error);
  if (answer === undefined) return error;
  return answer.isSilence
    ? new IngestError('source.silent', 'no worker answered within 10 s', { cause: error })
    : new IngestError('temporal.unreachable', `temporal: ${answer.details}`, { cause: error });
}

/** One that gives no answer, and why. */
export interface Silent<N> {
  readonly asked: N;
  readonly error: IngestError;
}

/** What each of many answers: one that gives none must not hide the others. */
export async function askEach<N, A>(
  all: readonly N[],
  ask: (asked: N) => Promise<A>,
): Promise<{ answers: A[]; silent: Silent<N>[] }> {
  const heard = await pMap(
    all,
    async (asked): Promise<{ readonly answer: A } | Silent<N>> => {
      try {
        return { answer: await ask(asked) };
      } catch (error) {
        const cast = castTemporalError(error);
        if (!(cast instanceof IngestError)) throw cast;
        return { asked, error: cast };
      }
    },
    { concurrency: 16 },
  );
  return {
    answers: heard.flatMap((each) => ('answer' in each ? [each.answer] : [])),
    silent: heard.flatMap((each) => ('error' in each ? [each] : [])),
  };
}

/** To be called when what the others answer is printed. @throws IngestError that names all that are silent */
export function mustAllAnswer<N>(silent: readonly Silent<N>[], nameOf: (asked: N) => string): void {
  const [first] = silent;
  if (first === undefined) return;
  const names = silent.map(({ asked }) => nameOf(asked));
  throw new IngestError(first.error.code, `no answer from ${names.join(', ')}`, { cause: first.error });
}

/** @throws IngestError `lake.unavailable` also where there is no lake yet */
export async function withLake<T>(work: (lake: LakeReader) => Promise<T>): Promise<T> {
  const config = readConfig();
  mustHaveLake(config);
  return withReader(config, work);
}

export async function withLakeAndClient<T>(
  work: (lake: LakeReader, client: Client, config: Config) => Promise<T>,
): Promise<T> {
  return withClient((client, config) => withReader(config, (lake) => work(lake, client, config)));
}

async function withReader<T>(config: Config, work: (lake: LakeReader) => Promise<T>): Promise<T> {
  // half a second to load, and not every command reads the lake
  const { openLakeReader } = await import('../../lake/reader.ts');
  const lake = await openLakeReader({ ...config.lake, s3: config.aws });
  try {
    return await work(lake);
  } finally {
    lake.close();
  }
}

/** @throws IngestError `lake.unavailable`: opening it would make an empty one */
export function mustHaveLake({ lake }: Config): void {
  const { kind, target } = parseCatalog(lake.catalog);
  if (kind === 'sqlite' && !existsSync(target))
    throw new IngestError('lake.unavailable', `there is no lake at ${target} yet; the first worker to start makes it`);
}

/** `now`, a span back from now (`-24h`), or an ISO time; epoch milliseconds, with a fraction where the time is given to the microsecond. */
export function timeOption(value: string): number {
  if (value === 'now') return Date.now();
  const seconds = value.startsWith('-') ? parseDuration(value.slice(1)) : undefined;
  if (seconds !== undefined) return Date.now() - seconds * 1000;
  const micros = parseTimeMicros(value);
  if (micros === undefined)
    throw new InvalidArgumentError('expected "now", a span such as -24h, or a time such as 2026-01-31T05:00:00Z');
  const ms = micros / 1000;
  // where a float does not hold the microsecond (in 2005 and 2040), a millisecond has to do
  return ms * 1000 === micros ? ms : Math.floor(ms);
}

export function countOption(value: string): number {
  const count = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(count + 1) || count < 1)
    throw new InvalidArgumentError('expected a whole number above 0');
  return count;
}

/** Names parted by commas; the option may be given several times. */
export function namesOption(value: string, before: readonly string[] = []): string[] {
  const names = value.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('expected names parted by commas');
  return [...before, ...names];
}
