/** One measurement, in a process of its own: `measure.ts MODE TABLE PATH DIRECTORY`. Prints a Measurement as JSON. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableDirectory } from '../../lake/data-path.ts';
import { copyOptions } from '../../lake/file-format.ts';
import { openLake } from '../../lake/lake.ts';
import { quote } from '../../lake/sql.ts';
import { breathe } from '../../sources/breathe.ts';
import { createJsonSplitter } from '../../sources/json-records.ts';
import { createLineSplitter } from '../../sources/lines.ts';
import { inBatches } from '../../sources/splitter.ts';
import { decodeUtf8 } from '../../tables/decode.ts';
import { eventId } from '../../tables/identity.ts';
import { parseJson } from '../../tables/json/json-table.ts';
import { tables } from '../../tables/registry.ts';
import type { ParseResult, RawRecord, TableName } from '../../tables/table.ts';
import { readConfig } from '../../workers/config.ts';
import { copyPlainly, copyStatement } from './statement.ts';

/**
 * `lines`: gunzip and split. `parse`: that, and rows made. `load`: that, and the rows committed to a lake. `floor`: what a load takes outside of our
 * own code: gunzip and split, each record as text (JSON as objects, too) with its SHA-256, and DuckDB's writer given rows that are ready. `sql`: DuckDB
 * alone, by the fastest statement known. `plainSql`: by the statement that a user writes, of tables of lines only.
 */
export type Mode = 'lines' | 'parse' | 'load' | 'floor' | 'sql' | 'plainSql';

export interface Measurement {
  readonly seconds: number;
  /** Of all threads of the process: what others do on the machine counts less than in `seconds`. */
  readonly cpuSeconds: number;
  readonly peakMemoryMegabytes: number;
  /** The longest time that nothing else could run. */
  readonly stallMs: number;
}

const [mode, tableName, path, directory] = process.argv.slice(2) as [Mode, TableName, string, string];
const table = tables[tableName];
const batchId = 'acme/bench/s3/bench/object@etag';
const uri = 's3://bench/object';
const fallbackTime = Date.UTC(2026, 1, 1) * 1000;
const dataPath = join(directory, 'lake/data');
/** As many as a file of the lake has, about: they are written again and again. */
const readyRowsMax = 50_000;

async function readRecords(use: (record: RawRecord) => void, ready = async () => undefined as void): Promise<void> {
  const splitter = table.identity === 'line' || mode === 'lines' ? createLineSplitter() : createJsonSplitter();
  const chunks = createReadStream(path).pipe(createGunzip({ chunkSize: 64 << 10 }));
  for await (const records of inBatches(chunks, splitter, ({ bytes }) => bytes.length)) {
    for (const record of records) use(record);
    await ready();
    await breathe();
  }
}

function parse(record: RawRecord, ingestedAt: number): NonNullable<ParseResult['row']> {
  const { row, reject } = table.parse(record, {
    tenantId: 'acme',
    batchId,
    uri,
    fallbackTime,
    fallbackTimeSource: 'object',
    ingestedAt,
  });
  if (row === undefined) throw new Error(`a simulated record was rejected: ${reject.reason}`);
  return row;
}

async function prepare(): Promise<{ run: () => Promise<unknown>; close: () => unknown }> {
  if (mode === 'lines') return { run: () => readRecords(() => undefined), close: () => undefined };
  if (mode === 'parse') return { run: () => readRecords((record) => parse(record, 0)), close: () => undefined };
  if (mode === 'sql' || mode === 'plainSql') {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const target = join(directory, 'sql.parquet');
    const statement =
      mode === 'sql' ? await copyStatement(tableName, path, target) : copyPlainly(tableName, path, target);
    return { run: () => connection.run(statement), close: () => instance.closeSync() };
  }
  const lake = await openLake({
    ...readConfig({}).lake,
    catalog: `sqlite:${join(directory, 'lake/catalog.sqlite')}`,
    dataPath,
    spillDirectory: join(directory, 'spill'),
  });
  const header = { batchId, tenantId: 'acme', sourceId: 'bench', kind: 's3', pass: null, uri, sizeBytes: 0 } as const;
  const times = { coversFrom: null, coversTo: null, readAt: null, fallbackTime };
  const run = () =>
    lake.load({ ...header, ...times }, [tableName], (stage) =>
      readRecords(
        (record) => stage.addRow(tableName, parse(record, stage.ingestedAt)),
        () => stage.ready(),
      ),
    );
  if (mode === 'load') return { run, close: () => lake.close() };
  await run();
  await lake.close();
  return prepareFloor();
}

async function prepareFloor() {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const files = quote(join(tableDirectory(dataPath, tableName), '**/*.parquet'));
  await connection.run(
    `CREATE TABLE ready AS FROM read_parquet(${files}, hive_partitioning = false) LIMIT ${readyRowsMax}`,
  );
  const [[readyRows]] = (await connection.runAndReadAll('SELECT count(*)::INTEGER FROM ready')).getRows() as [[number]];
  async function run(): Promise<void> {
    let records = 0;
    await readRecords(({ bytes }) => {
      const { text } = decodeUtf8(bytes);
      if (table.identity === 'content') parseJson(text);
      eventId(tableName, text);
      records += 1;
    });
    for (let written = 0; written < records; written += readyRows) {
      const rows = `SELECT * FROM ready LIMIT ${records - written}`;
      await connection.run(`COPY (${rows}) TO ${quote(join(directory, 'floor.parquet'))} (${copyOptions})`);
    }
  }
  return { run, close: () => instance.closeSync() };
}

const { run, close } = await prepare();
let stallMs = 0;
let seenMs = performance.now();
const watch = setInterval(() => {
  stallMs = Math.max(stallMs, performance.now() - seenMs);
  seenMs = performance.now();
}, 1);
const cpuBefore = process.cpuUsage();
const startMs = performance.now();
await run();
const seconds = (performance.now() - startMs) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
clearInterval(watch);
await close();
const peakMemoryMegabytes = process.resourceUsage().maxRSS / 1024;
const measured: Measurement = { seconds, cpuSeconds: (user + system) / 1e6, peakMemoryMegabytes, stallMs };
process.stdout.write(JSON.stringify(measured));
