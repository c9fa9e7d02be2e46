/** Brings one batch from landing (or its bucket) through its tables into the lake. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { cancellationSignal } from '@temporalio/activity';
import { IngestError } from '../errors/ingest-error.ts';
import type { Receipt } from '../lake/ledger.ts';
import { mayBeSmall } from '../lake/small-stage.ts';
import type { BatchHeader, Stage } from '../lake/stage.ts';
import { batchId, type ObjectBatch, type SourceName, type TapBatch } from '../sources/batch.ts';
import { breathe } from '../sources/breathe.ts';
import { readObjectRecords } from '../sources/s3/read.ts';
import type { S3Settings, TapSettings } from '../sources/settings.ts';
import { readTapBody } from '../sources/tap/body.ts';
import { chooseTable, type Parsed } from '../tables/choice.ts';
import { tables } from '../tables/registry.ts';
import { type Origin, type RawRecord, type TableName, tableNames } from '../tables/table.ts';
import type { LoadBatchInput, Loaded } from './contracts.ts';
import type { Dependencies } from './dependencies.ts';
import { landingKey } from './fetch-tap-window.ts';

export function createLoadBatch(dependencies: Dependencies) {
  /** Idempotent: a batch that the ledger has is not read again. Throws `landing.*`, `lake.*` and the codes of sources/s3. */
  return async function loadBatch(input: LoadBatchInput): Promise<Loaded> {
    const { lake } = dependencies;
    const earlier = await lake.receipt(batchId(input, input.batch));
    if (earlier !== undefined) return totals(earlier);
    const { header, tableNames: wanted, fill } = openBatch(dependencies, input, cancellationSignal());
    return totals(await lake.load(header, wanted, fill));
  };
}

/** A batch that can be read: as often as needed, with the same records each time. */
export interface OpenBatch {
  readonly header: BatchHeader;
  readonly tableNames: readonly TableName[];
  /** Reads and parses it. Throws `landing.*` and the codes of sources/s3. */
  readonly fill: (stage: Stage) => Promise<void>;
}

/** @throws IngestError `config.invalid` where source and batch are not of one kind */
export function openBatch(dependencies: Dependencies, input: LoadBatchInput, signal: AbortSignal): OpenBatch {
  const { settings, batch } = input;
  if (batch.kind === 'tap' && settings.kind === 'tap') return openTapWindow(dependencies, input, batch, settings);
  if (batch.kind === 's3' && settings.kind === 's3') return openObject(dependencies, input, batch, settings, signal);
  throw new IngestError('config.invalid', `a ${settings.kind} source has no ${batch.kind} batches`);
}

const tapTables = tableNames.filter((table) => table.startsWith('proofpoint_tap_'));

function openTapWindow(
  { landing }: Dependencies,
  input: LoadBatchInput,
  batch: TapBatch,
  settings: TapSettings,
): OpenBatch {
  const header = tapHeader(input, batch, settings);
  return {
    header,
    tableNames: tapTables,
    async fill(stage) {
      const landed = await landing.open(landingKey(header.batchId));
      // its errors reach who reads it, and what is landed is closed when that one goes away, as a stage does that is too small for it
      const body = pipeline(landed, createGunzip(), () => undefined);
      const origin = originOf(stage);
      for await (const records of readTapBody(body)) {
        for (const { table, record } of records)
          addParsed(stage, record, { table, ...tables[table].parse(record, origin) });
        await stage.ready();
        await breathe();
      }
    },
  };
}

/** How a TAP window stands in the ledger. */
export function tapHeader(
  name: SourceName & { readonly readAt?: string },
  batch: TapBatch,
  settings: TapSettings,
): BatchHeader {
  return {
    batchId: batchId(name, batch),
    tenantId: name.tenantId,
    sourceId: name.sourceId,
    kind: 'tap',
    pass: batch.pass,
    coversFrom: Date.parse(batch.from) * 1000,
    coversTo: Date.parse(batch.to) * 1000,
    readAt: name.readAt === undefined ? null : Date.parse(name.readAt) * 1000,
    uri: `tap://${new URL(settings.baseUrl).host}/v2/siem/all?interval=${batch.from}/${batch.to}`,
    sizeBytes: 0,
    fallbackTime: hourStart(batch.from),
  };
}

/**
 * Windows never cross an hour, so that a record without a time of its own gets the same one from every window that brings it:
 * the lake looks for a row in its own time range only.
 */
function hourStart(from: string): number {
  return Math.floor(Date.parse(from) / 3_600_000) * 3_600_000_000;
}

/** One version of one object. Throws nothing; its `fill` does. */
export function openObject(
  { stores, objectLimits }: Pick<Dependencies, 'stores' | 'objectLimits'>,
  name: SourceName,
  batch: ObjectBatch,
  settings: S3Settings,
  signal: AbortSignal,
): OpenBatch {
  const header: BatchHeader = {
    batchId: batchId(name, batch),
    tenantId: name.tenantId,
    sourceId: name.sourceId,
    kind: 's3',
    pass: null,
    coversFrom: null,
    coversTo: null,
    readAt: null,
    uri: `s3://${batch.bucket}/${batch.key}`,
    sizeBytes: batch.sizeBytes,
    fallbackTime: Date.parse(batch.lastModified) * 1000,
    timezone: settings.timezone,
  };
  const choice = chooseTable(settings.table);
  /** Of a small object, which may be filled a second time: it is asked for once. */
  let kept: readonly Uint8Array[] | undefined;
  async function download(): Promise<AsyncIterable<Uint8Array>> {
    if (kept !== undefined) return Readable.from(kept);
    const store = await stores.of(settings);
    const chunks = await store.open({ ...batch, signal });
    if (!mayBeSmall(header)) return chunks;
    const read: Uint8Array[] = [];
    for await (const chunk of chunks) read.push(chunk);
    kept = read;
    return Readable.from(kept);
  }
  return {
    header,
    tableNames: choice.tables.map((table) => table.name),
    async fill(stage) {
      const chunks = await download();
      const origin = originOf(stage);
      let last: RawRecord | undefined;
      try {
        for await (const records of readObjectRecords({ chunks, ...choice.form, limits: objectLimits, signal })) {
          for (const record of records) addParsed(stage, record, choice.parse(record, origin));
          last = records.at(-1) ?? last;
          await stage.ready();
          await breathe();
        }
      } catch (error) {
        if (!(error instanceof IngestError) || error.code !== 's3.bad_content') throw error;
        // This version of the object will never read better: what could be read is loaded, the rest is one dead letter, loudly.
        stage.addDeadLetter({
          table: choice.tables[0].name,
          // the bytes stay in the bucket: the letter holds what leads to them
          record: { bytes: Buffer.from(header.batchId), offset: endOf(last), line: (last?.line ?? 0) + 1 },
          reject: { code: 'corrupt_object', reason: `${error.message}; after ${last?.line ?? 0} lines` },
        });
      }
    },
  };
}

function endOf(record: RawRecord | undefined): number {
  return record === undefined ? 0 : record.offset + record.bytes.length;
}

function originOf({ header, ingestedAt }: Stage): Origin {
  const { tenantId, batchId: id, kind, uri, fallbackTime, timezone } = header;
  return {
    tenantId,
    batchId: id,
    uri,
    fallbackTime,
    fallbackTimeSource: kind === 'tap' ? 'window' : 'object',
    timeZone: timezone,
    ingestedAt,
  };
}

function addParsed(stage: Stage, record: RawRecord, { table, row, reject }: Parsed): void {
  if (row !== undefined) stage.addRow(table, row);
  else stage.addDeadLetter({ table, record, reject });
}

export function totals({ batchId: id, tables: receipts }: Receipt): Loaded {
  const sum = (count: (receipt: Receipt['tables'][number]) => number) =>
    receipts.reduce((total, receipt) => total + count(receipt), 0);
  return {
    batchId: id,
    records: sum(({ records }) => records),
    rows: sum(({ rows }) => rows),
    rowsAdded: sum(({ rowsAdded }) => rowsAdded),
    deadLetters: sum(({ deadLetters }) => deadLetters),
  };
}
