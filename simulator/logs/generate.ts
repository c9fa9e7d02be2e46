/** Objects as a bucket holds them: the logs of a tenant for a time, cut into files of a few hundred records, with the exact records known. */
import { gzipSync } from 'node:zlib';
import type { TableName } from '../../tables/table.ts';
import { type Mail, mailOf, mailStartMicros } from '../mail.ts';
import { type Random, seeded } from '../random.ts';
import { hourMs, hourOf } from '../world.ts';
import { filterLines } from './filter.ts';
import type { LogLine } from './line.ts';
import { podMaillogs } from './maillog.ts';
import { podMessages } from './message.ts';
import { sendmailLines } from './sendmail.ts';

export type LogTable = Exclude<TableName, `proofpoint_tap_${string}`>;

interface LogKind {
  readonly folder: string;
  readonly extension: 'log' | 'ndjson';
  readonly linesOf: (mail: Mail) => LogLine[];
}

const kinds: Readonly<Record<LogTable, LogKind>> = {
  proofpoint_gateway_filter_logs: { folder: 'filter', extension: 'log', linesOf: filterLines },
  proofpoint_gateway_sendmail_logs: { folder: 'sendmail', extension: 'log', linesOf: sendmailLines },
  proofpoint_on_demand_message: { folder: 'message', extension: 'ndjson', linesOf: podMessages },
  proofpoint_on_demand_maillog: { folder: 'maillog', extension: 'ndjson', linesOf: podMaillogs },
};

export interface LogRequest {
  /** With a TAP simulator of the same seed and tenant, both tell of the same mails. */
  readonly seed: string;
  readonly tenant: string;
  readonly table: LogTable;
  /** Milliseconds; sessions begin in [fromMs, toMs). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Good records in all objects together. */
  readonly count: number;
  /** Records more, in the same objects, that must become dead letters. */
  readonly malformed?: number;
}

export interface LogObject {
  /** `filter/2026/11/24/05/filter-00012.log.gz`; a share of the objects is plain and ends without `.gz`. */
  readonly key: string;
  readonly body: Buffer;
  /** Exact record texts in order, without line ends. */
  readonly records: readonly string[];
}

export function generateLogs(request: LogRequest): { objects: LogObject[] } {
  const { folder, extension, linesOf } = kinds[request.table];
  const random = seeded(request.seed, request.tenant, request.table, request.fromMs, request.toMs);
  const files: { name: string; records: string[] }[] = [];
  for (const { hour, texts } of hours(request, linesOf)) {
    // Ten numbers a second, so that the objects of one time never take the keys of the time before.
    let number = 10 * Math.floor(Math.max(0, request.fromMs - hour) / 1000);
    const path = new Date(hour).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/');
    for (let size = 0, taken = 0; taken < texts.length; taken += size) {
      size = random.int(200, 400);
      const name = `${folder}/${path}/${folder}-${String(number).padStart(5, '0')}.${extension}`;
      number += 1;
      files.push({ name, records: texts.slice(taken, taken + size) });
    }
  }
  for (let inserted = 0; inserted < (request.malformed ?? 0); inserted += 1) {
    const { records } = random.pick(files);
    records.splice(random.int(0, records.length), 0, malformed(extension, random));
  }
  return { objects: files.map(({ name, records }) => pack(name, records, random)) };
}

/** One in four is plain, one in five does not end its last line. */
function pack(name: string, records: readonly string[], random: Random): LogObject {
  const text = records.join('\n') + (random.chance(0.2) ? '' : '\n');
  if (random.chance(0.25)) return { key: name, body: Buffer.from(text), records };
  return { key: `${name}.gz`, body: gzipSync(text, { level: 1 }), records };
}

/** JSON that stops in its middle, or a line without any structure. */
function malformed(extension: LogKind['extension'], random: Random): string {
  if (extension === 'log') return `garbled ${random.hex(8)} ${random.hex(random.int(4, 40))}`;
  return `{"guid":"${random.hex(32)}","ts":"2026-11-24T05:0`;
}

/** The count spread evenly over the hours of the time, each hour's lines in order. */
function* hours(
  { seed, tenant, fromMs, toMs, count }: LogRequest,
  linesOf: LogKind['linesOf'],
): Generator<{ hour: number; texts: string[] }> {
  let told = 0;
  for (let hour = hourOf(fromMs); hour < toMs; hour += hourMs) {
    const untilMs = Math.min(hour + hourMs, toMs);
    const due = Math.round((count * (untilMs - fromMs)) / (toMs - fromMs));
    const lines: LogLine[] = [];
    for (let number = 0; lines.length < due - told; number += 1) {
      const startMs = mailStartMicros(hour, number) / 1000;
      if (startMs >= fromMs && startMs < untilMs) lines.push(...linesOf(mailOf({ seed, tenant, hour, number })));
    }
    lines.length = due - told;
    told = due;
    yield { hour, texts: lines.sort((one, other) => one.timeMicros - other.timeMicros).map(({ text }) => text) };
  }
}
