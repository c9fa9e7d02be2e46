/** One table under many mutated records, and under two long ones. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seeded } from '../../simulator/random.ts';
import type { Origin, Table } from '../../tables/table.ts';
import { type Corpus, mutated } from './mutate.ts';
import { verdictOn } from './verdict.ts';

const fixtures = fileURLToPath(new URL('../../test/fixtures/records/', import.meta.url));

export interface FuzzCount {
  readonly rows: number;
  readonly rejects: number;
  /** The first records that went wrong, as JSON text, with what was wrong. */
  readonly wrong: readonly string[];
}

const wrongMax = 10;

export function fuzz(table: Table, run: { readonly records: number; readonly seed: string }): FuzzCount {
  const corpus = corpusOf(table);
  const random = seeded(run.seed, table.name);
  const wrong: string[] = [];
  let rows = 0;
  for (let record = 0; record < run.records && wrong.length < wrongMax; record++) {
    const bytes = mutated(corpus, random);
    const verdict = verdictOn(table, bytes);
    if (verdict === 'row') rows++;
    else if (verdict !== 'reject') wrong.push(`${verdict.wrong}: ${JSON.stringify(bytes.toString('latin1'))}`);
  }
  return { rows, rejects: run.records - rows - wrong.length, wrong };
}

function corpusOf({ name, identity }: Table): Corpus {
  const form = identity === 'line' ? 'text' : 'json';
  const file = `${fixtures}${name}.${form === 'text' ? 'log' : 'ndjson'}`;
  return { form, records: readFileSync(file, 'utf8').trimEnd().split('\n') };
}

const origin: Origin = {
  tenantId: 'acme',
  batchId: 'batch',
  uri: 's3://bucket/key',
  fallbackTime: 0,
  fallbackTimeSource: 'object',
  ingestedAt: 0,
};

const linePieces = ['a=1 ', 'to=<a@b>, ', 'x="\\"', '"', '<', ',', 'a, ', 'a,b@c;', '[', 'é'];
const jsonPieces: readonly (readonly [before: string, piece: string, after: string])[] = [
  ['{"subject":"', 'x ', '"}'],
  ['{"headerFrom":"', 'a@b.example, ', '"}'],
  ['{"headerFrom":"', '\\"', '"}'],
  ['{"sm":{"to":["', '<', '"]},"data":"to=<"}'],
  ['{"data":"', 'to=<a, ', '"}'],
  ['{"messageParts":[', '{"md5":"a"},', 'null]}'],
  ['{"msgParts":[', '{"urls":[{"url":"http://a.example"}]},', 'null]}'],
  ['{"recipient":[', '"A@b.example",', 'null]}'],
  ['{"x":', '[', '1}'],
];

/** Times 1 MB and 10 MB of each kind of record; gives the kinds whose processor time grew with more than their length, with both times in ms. */
export function slowerThanLinear(table: Table): string[] {
  const makers: ((bytes: number) => string)[] =
    table.identity === 'line'
      ? linePieces.map((piece) => (bytes) => `to=${piece.repeat(bytes / piece.length)}`)
      : jsonPieces.map(
          ([before, piece, after]) =>
            (bytes) =>
              `${before}${piece.repeat(bytes / piece.length)}${after}`,
        );
  return makers.flatMap((make) => {
    const shortMs = fastestMs(table, Buffer.from(make(1_000_000)), 3);
    const longMs = fastestMs(table, Buffer.from(make(10_000_000)), 2);
    // ten times; thirty were seen, where many small texts are put together and collected; the square would be a hundred times
    const isLinear = longMs < 50 * Math.max(shortMs, 10);
    return isLinear ? [] : [`${make(20)}: 1 MB in ${shortMs.toFixed(0)} ms, 10 MB in ${longMs.toFixed(0)} ms`];
  });
}

function fastestMs(table: Table, bytes: Buffer, times: number): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let time = 0; time < times; time++) {
    const before = process.cpuUsage();
    table.parse({ bytes, offset: 0, line: 1 }, origin);
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, (user + system) / 1000);
  }
  return fastest;
}
