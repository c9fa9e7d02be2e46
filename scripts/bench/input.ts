/** What the benchmark reads: one gzip file of simulated records per table, made once. */
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { generateLogs, type LogTable } from '../../simulator/logs/generate.ts';
import { type TapArray, tapEvents } from '../../simulator/tap/events.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import type { LineTable } from './line-columns.ts';

export interface Input {
  readonly path: string;
  readonly records: number;
  /** Decompressed. */
  readonly sizeBytes: number;
}

const seed = 'bench';
const tenant = 'acme';
const fromMs = Date.parse('2026-01-31T00:00:00Z');
const hourMs = 3_600_000;
const partMs = 6 * hourMs;
/** So many records are simulated at a time. */
const simulatedMax = 20_000;

const tapArrays: Partial<Record<TableName, TapArray>> = {
  proofpoint_tap_messages_delivered: 'messagesDelivered',
  proofpoint_tap_messages_blocked: 'messagesBlocked',
  proofpoint_tap_clicks_permitted: 'clicksPermitted',
  proofpoint_tap_clicks_blocked: 'clicksBlocked',
};

/** `part`: another one holds other records. */
export async function benchInput(directory: string, table: TableName, records: number, part = 0): Promise<Input> {
  const path = join(directory, `${table}-${records}${part === 0 ? '' : `-${part}`}.gz`);
  const facts = `${path}.json`;
  if (!existsSync(facts)) {
    mkdirSync(directory, { recursive: true });
    const counted = { sizeBytes: 0 };
    await pipeline(
      Readable.from(pieces(table, records, part, counted)),
      createGzip({ level: 4 }),
      createWriteStream(`${path}.part`),
    );
    renameSync(`${path}.part`, path);
    writeFileSync(facts, JSON.stringify(counted));
  }
  const { sizeBytes } = JSON.parse(readFileSync(facts, 'utf8')) as { sizeBytes: number };
  return { path, records, sizeBytes };
}

function* pieces(table: TableName, records: number, part: number, counted: { sizeBytes: number }): Generator<Buffer> {
  let piece: string[] = [];
  let left = records;
  const made = isLineLog(table) ? simulatedLines(table, records, part) : simulatedRecords(table, records, part);
  for (const record of made) {
    piece.push(record);
    left -= 1;
    if (piece.length < 1000 && left > 0) continue;
    const bytes = Buffer.from(`${piece.join('\n')}\n`);
    counted.sizeBytes += bytes.length;
    yield bytes;
    piece = [];
    if (left === 0) return;
  }
}

const isLineLog = (table: TableName): table is LogTable & LineTable => tables[table].identity === 'line';

/** In the order of their time, as a busy gateway writes them: each part is six hours. */
function* simulatedLines(table: LogTable, records: number, part: number): Generator<string> {
  const rounds = Math.ceil(records / simulatedMax);
  const spanMs = partMs / rounds;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = Math.floor(fromMs + part * partMs + round * spanMs);
    const time = { fromMs: startMs, toMs: Math.floor(startMs + spanMs) };
    const { objects } = generateLogs({ seed, tenant, table, ...time, count: Math.min(records, simulatedMax) });
    for (const object of objects) yield* object.records;
  }
}

/** The same events again and again, with other identifiers. */
function* simulatedRecords(table: Exclude<TableName, LineTable>, records: number, part: number): Generator<string> {
  const simulated = simulate(table, Math.min(records, simulatedMax));
  for (let number = part * records; ; number += 1) {
    const round = Math.floor(number / simulated.length);
    const record = simulated[number % simulated.length] ?? '';
    yield round === 0 ? record : otherRecord(record, round);
  }
}

function simulate(table: Exclude<TableName, LineTable>, count: number): string[] {
  if (table === 'proofpoint_on_demand_message' || table === 'proofpoint_on_demand_maillog') {
    const { objects } = generateLogs({ seed, tenant, table, fromMs, toMs: fromMs + 24 * hourMs, count });
    return objects.flatMap(({ records }) => records);
  }
  const found: string[] = [];
  for (let hour = fromMs; found.length < count && hour < fromMs + 24 * hourMs; hour += hourMs) {
    const events = tapEvents({ seed, tenant, eventsPerHour: 2000, rhythm: 'steady' }, hour, hour + hourMs);
    for (const { array, record } of events) if (array === tapArrays[table]) found.push(JSON.stringify(record));
  }
  return found.slice(0, count);
}

/** The record with the beginning of its identifiers changed, which may be base64. */
function otherRecord(record: string, round: number): string {
  return record.replaceAll(/(?<="(?:id|guid|GUID)":")[\w+/-]{4}/g, round.toString(36).padStart(4, '0'));
}
