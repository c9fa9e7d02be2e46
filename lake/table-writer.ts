/** The rows of one table of a batch on their way out of this process: many of one day into a file of the lake, others into a staging table. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { breathe } from '../sources/breathe.ts';
import type { Row } from '../tables/table.ts';
import { createGathering, type Gathered } from './gathering.ts';
import { createNumbering, type Numbering } from './numbering.ts';
import { fileRelation, type Part, tableRelation } from './parts.ts';
import type { Placing } from './placing.ts';
import type { LakeTable } from './schema.ts';
import { createFrame, type Frame, openAppender } from './values.ts';

export interface TableWriter {
  write(row: Row, sizeBytes: number): void;
  /** Resolves when there is room for more: memory grows where nobody asks. @throws what writing threw */
  ready(): Promise<void>;
  /** No more rows. @throws what writing threw */
  close(): Promise<Part[]>;
  /** Where `close` was not reached: removes what it would have given. */
  discard(): Promise<void>;
}

/** When so much text is gathered, the rows of the day with most of it make a file. */
const gatheredBytesMax = 16 << 20;
/** Fewer rows make no file. */
const fileBytesMin = 1 << 20;
/** Files take long records many times into memory: those go by the staging table, whose commit makes room for them. */
const recordBytesMax = 1 << 20;
const dayMicros = 86_400_000_000;

/** `stagingName`: a table in DuckDB's memory that exists and is empty. */
export async function openTableWriter(
  connection: DuckDBConnection,
  table: LakeTable,
  stagingName: string,
  placing?: Placing,
): Promise<TableWriter> {
  const { columns, idColumn, placedBy } = table;
  const staging = await openAppender(connection, { catalog: 'memory', name: stagingName, columns });
  const numbering: Numbering | undefined =
    placing === undefined || table.identity === 'content' ? undefined : createNumbering();
  const gathering = createGathering(columns);
  /** Rows that make no file. */
  const strays = createFrame(columns);
  const placed: Part[] = [];
  const staged = { rowCount: 0, sizeBytes: 0 };
  let place: { leave(): void } | undefined;
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isClosed = false;

  function stage(frame: Frame): void {
    staged.rowCount += frame.rowCount;
    staging.append(frame);
  }

  /** A step for each frame, so that other work may run in between. */
  function* stageDay({ frames, sizeBytes }: Gathered): Generator<void> {
    staged.sizeBytes += sizeBytes;
    for (const frame of frames) {
      stage(frame);
      gathering.giveBack(frame);
      yield;
    }
  }

  /** Into a file, if they are not too few for one. */
  function release(gathered: Gathered): void {
    if (placing === undefined || place === undefined || writing !== undefined || gathered.textBytes < fileBytesMin) {
      Array.from(stageDay(gathered));
      return;
    }
    const { day, frames, rowCount, sizeBytes } = gathered;
    const onEmpty = (frame: Frame) => gathering.giveBack(frame);
    writing = placing
      .place(table, (day * dayMicros) / 1000, { columns, frames, onEmpty })
      .then(
        (path) => void placed.push({ relation: fileRelation(path, table), rowCount, sizeBytes, placed: path }),
        (error: unknown) => void (failure = { error }),
      )
      .finally(() => (writing = undefined));
  }

  function frameIsFull(): void {
    place ??= placing?.tryJoin();
    // one file is written at a time, and somebody may add rows without asking for room
    const bytesMax = place === undefined ? 0 : writing === undefined ? gatheredBytesMax : 2 * gatheredBytesMax;
    if (gathering.textBytes < bytesMax) return;
    const fullest = gathering.takeFullest();
    if (fullest !== undefined) release(fullest);
  }

  function makeRoomFor(day: number): boolean {
    if (gathering.hasRoomFor(day)) return true;
    const passed = writing === undefined ? gathering.takePassed() : undefined;
    if (passed !== undefined) release(passed);
    return passed !== undefined;
  }

  async function settle(): Promise<void> {
    await writing;
    if (failure !== undefined) throw failure.error;
  }

  return {
    write(row, sizeBytes) {
      const numbered = numbering === undefined ? row : numbering.number(row, idColumn);
      if (placing !== undefined && placedBy !== undefined && sizeBytes <= recordBytesMax) {
        const day = Math.floor((row[placedBy] as number) / dayMicros);
        if (makeRoomFor(day)) {
          if (gathering.put(day, numbered, sizeBytes)) frameIsFull();
          return;
        }
      }
      staged.sizeBytes += sizeBytes;
      strays.put(numbered);
      if (strays.isFull) stage(strays);
    },
    async ready() {
      if (failure !== undefined || gathering.textBytes >= gatheredBytesMax / 2) await settle();
    },
    async close() {
      await settle();
      for (let rest = gathering.takeFullest(); rest !== undefined; rest = gathering.takeFullest()) {
        // of a batch that has no file by now, all rows together are few
        if (placed.length === 0) for (const _ of stageDay(rest)) await breathe();
        else release(rest);
        await settle();
      }
      stage(strays);
      staging.close();
      isClosed = true;
      place?.leave();
      place = undefined;
      const rest = { relation: tableRelation(`memory.main.${stagingName}`), ...staged };
      return staged.rowCount > 0 ? [...placed, rest] : placed;
    },
    async discard() {
      await writing;
      place?.leave();
      place = undefined;
      // a commit may have registered them, also one that seemed to fail
      if (!isClosed) placing?.remove(placed.flatMap((part) => part.placed ?? []));
    },
  };
}
