/** Lakes in temporary directories, and batches of gateway lines to load into them. */
import { join } from 'node:path';
import { type LakeSettings, openLakeInstance } from '../../lake/connection.ts';
import type { Lake } from '../../lake/lake.ts';
import type { Receipt } from '../../lake/ledger.ts';
import { openLakeReader } from '../../lake/reader.ts';
import type { BatchHeader, Stage } from '../../lake/stage.ts';
import { tables } from '../../tables/registry.ts';
import type { Table } from '../../tables/table.ts';
import { readConfig } from '../../workers/config.ts';

export function sqliteLake(directory: string): LakeSettings {
  return {
    ...readConfig({}).lake,
    catalog: `sqlite:${join(directory, 'lake/catalog.sqlite')}`,
    dataPath: join(directory, 'lake/data'),
    spillDirectory: join(directory, 'spill'),
  };
}

export const filterTable = 'proofpoint_gateway_filter_logs';

/** A filter line of its own for each number. */
export function filterLine(number: number): string {
  return `2026-01-31T05:00:00.${String(number % 1_000_000).padStart(6, '0')}+00:00 mx1 filter_instance1[77]: rprt s=sid${number} mod=session cmd=disconnect module= rule= action= helo=h${number}.example msgs=1 rcpts=1 routes= duration=0.01 elapsed=0.02`;
}

export function objectHeader(name: string, tenantId = 'acme'): BatchHeader {
  return {
    batchId: `${tenantId}/filter/s3/logs/${name}@etag`,
    tenantId,
    sourceId: 'filter',
    kind: 's3',
    pass: null,
    coversFrom: null,
    coversTo: null,
    readAt: null,
    uri: `s3://logs/${name}`,
    sizeBytes: 1,
    fallbackTime: 1_769_835_600_000_000,
  };
}

/** Loads lines as the object of that name would be. */
export function loadLines(lake: Lake, header: BatchHeader, lines: readonly string[], parse?: Table['parse']) {
  return lake.load(header, [filterTable], async (stage) => addLines(stage, lines, parse));
}

/** The parser of filter lines as it is. */
export const today: Table['parse'] = (record, origin) => tables[filterTable].parse(record, origin);

/** Adds lines to a stage, read by today's parser or another. */
export function addLines(stage: Stage, lines: readonly string[], parse: Table['parse'] = today): void {
  const { tenantId, batchId, uri, fallbackTime } = stage.header;
  for (const [index, line] of lines.entries()) {
    const record = { bytes: Buffer.from(line), offset: index * 1000, line: index + 1 };
    const { row, reject } = parse(record, {
      tenantId,
      batchId,
      uri,
      fallbackTime,
      fallbackTimeSource: 'object',
      ingestedAt: stage.ingestedAt,
    });
    if (row !== undefined) stage.addRow(filterTable, row);
    else stage.addDeadLetter({ table: filterTable, record, reject });
  }
}

/** A thousand of these are 40 MB, because the note stands in a row twice, and 16 MB make a file. */
const longLine = (number: number) => `${filterLine(number)} note="${'x'.repeat(20_000)}${number}"`;
export const longLines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => longLine(from + index));

/** As activities load: some lines, and room is asked for. */
export function loadLarge(lake: Lake, header: BatchHeader, lines: readonly string[]): Promise<Receipt> {
  return lake.load({ ...header, sizeBytes: 1 << 30 }, [filterTable], async (stage) => {
    for (let from = 0; from < lines.length; from += 50) {
      addLines(stage, lines.slice(from, from + 50));
      await stage.ready();
    }
  });
}

/** Rows of one statement, read through a connection of its own. */
export async function queryLake(settings: LakeSettings, sql: string) {
  const reader = await openLakeReader(settings);
  try {
    return (await reader.query(sql)).rows;
  } finally {
    reader.close();
  }
}

/** Runs statements on a lake as it is, past what the product does to it. */
export async function alterLake(settings: LakeSettings, ...statements: readonly string[]): Promise<void> {
  const opened = await openLakeInstance(settings, { readOnly: false });
  const connection = await opened.connect();
  try {
    for (const statement of statements) await connection.run(statement);
  } finally {
    connection.closeSync();
    opened.close();
  }
}
