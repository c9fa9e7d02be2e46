/** What the benchmark reads: one gzip file of simulated records per table, made once. */
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { generateLogs } from '../../simulator/logs/generate.ts';
import { type TapArray, tapEvents } from '../../simulator/tap/events.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';

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
/** So many records are simulated; more are these again as other events. */
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
  const simulated = simulate(table, Math.min(records, simulatedMax));
  const again = tables[table].identity === 'line' ? otherLine : otherRecord;
  let piece: string[] = [];
  for (let index = 0; index < records; index += 1) {
    const number = part * records + index;
    const round = Math.floor(number / simulated.length);
    const record = simulated[number % simulated.length] ?? '';
    piece.push(round === 0 ? record : again(record, round));
    if (piece.length < 1000 && index < records - 1) continue;
    const bytes = Buffer.from(`${piece.join('\n')}\n`);
    counted.sizeBytes += bytes.length;
    yield bytes;
    piece = [];
  }
}

function simulate(table: TableName, count: number): string[] {
  if (
    table === 'proofpoint_gateway_filter_logs' ||
    table === 'proofpoint_gateway_sendmail_logs' ||
    table === 'proofpoint_on_demand_message' ||
    table === 'proofpoint_on_demand_maillog'
  ) {
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

/** The line some microseconds away. */
function otherLine(line: string, round: number): string {
  const micros = /\.(\d{6})(?=[+Z-])/;
  return line.replace(
    micros,
    (_, digits: string) => `.${String((Number(digits) + round * 7919) % 1_000_000).padStart(6, '0')}`,
  );
}

/** The record with the beginning of its identifiers changed. */
function otherRecord(record: string, round: number): string {
  return record.replaceAll(/(?<="(?:id|guid|GUID)":")[\w-]{4}/g, round.toString(36).padStart(4, '0'));
}
