/** The rows of one table of a batch on their way out of this process: many of one day into files of the lake, others into a staging table. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { breathe } from '../sources/breathe.ts';
import type { Row } from '../tables/table.ts';
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

/** Text of the rows that make a file. */
const fileBytes = 16 << 20;
/** The last rows of a batch that has files make one, too, if they are not too few for that. */
const lastFileBytes = 1 << 20;
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
  const placed: Part[] = [];
  const empty: Frame[] = [];
  const staged = { rowCount: 0, sizeBytes: 0 };
  /** Rows of the day that is gathered. */
  let frame = createFrame(columns);
  let gathered = nothing();
  /** Other rows. */
  const strays = createFrame(columns);
  /** Rows of the day that is gathered, since strays were staged. */
  let sinceStrays = 0;
  let place: { leave(): void } | undefined;
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isClosed = false;

  function stage(each: Frame): void {
    staged.rowCount += each.rowCount;
    staging.append(each);
  }

  function stageGathered(): void {
    staged.sizeBytes += gathered.sizeBytes;
    for (const each of gathered.frames) {
      stage(each);
      empty.push(each);
    }
    gathered = nothing();
  }

  function addStray(row: Row, sizeBytes: number, day: number): void {
    staged.sizeBytes += sizeBytes;
    strays.put(row);
    if (!strays.isFull) return;
    // most rows are of another day by now: the log has passed midnight
    const isOver = sinceStrays < strays.rowCount;
    sinceStrays = 0;
    stage(strays);
    if (!isOver) return;
    gathered.frames.push(frame);
    stageGathered();
    gathered.day = day;
    frame = empty.pop() ?? createFrame(columns);
  }

  function frameIsFull(): void {
    place ??= placing?.tryJoin();
    gathered.frames.push(frame);
    gathered.textBytes += frame.textBytes;
    if (place === undefined) stageGathered();
    else if (gathered.textBytes >= fileBytes) gatheredEnough();
    frame = empty.pop() ?? createFrame(columns);
  }

  function gatheredEnough(): void {
    const { frames, sizeBytes, day } = gathered;
    // somebody adds rows without asking for room
    if (day === undefined || writing !== undefined || placing === undefined) {
      stageGathered();
      return;
    }
    gathered = { ...nothing(), day };
    const rowCount = frames.reduce((sum, each) => sum + each.rowCount, 0);
    const rows = { columns, frames, onEmpty: (each: Frame) => empty.push(each) };
    writing = placing
      .place(table, (day * dayMicros) / 1000, rows)
      .then(
        (path) => void placed.push({ relation: fileRelation(path, table), rowCount, sizeBytes, placed: path }),
        (error: unknown) => void (failure = { error }),
      )
      .finally(() => (writing = undefined));
  }

  async function placeRest(): Promise<void> {
    if (placed.length === 0 || gathered.textBytes + frame.textBytes < lastFileBytes) return;
    gathered.frames.push(frame);
    frame = createFrame(columns);
    gatheredEnough();
    await settle();
  }

  async function settle(): Promise<void> {
    await writing;
    if (failure !== undefined) throw failure.error;
  }

  return {
    write(row, sizeBytes) {
      const numbered = numbering === undefined ? row : numbering.number(row, idColumn);
      if (placing !== undefined && placedBy !== undefined) {
        const day = Math.floor((row[placedBy] as number) / dayMicros);
        gathered.day ??= day;
        if (gathered.day !== day || sizeBytes > recordBytesMax) {
          addStray(numbered, sizeBytes, day);
          return;
        }
      }
      gathered.sizeBytes += sizeBytes;
      sinceStrays += 1;
      frame.put(numbered);
      if (frame.isFull) frameIsFull();
    },
    async ready() {
      if (failure !== undefined || gathered.textBytes >= fileBytes / 2) await settle();
    },
    async close() {
      await settle();
      await placeRest();
      staged.sizeBytes += gathered.sizeBytes;
      for (const each of [...gathered.frames, frame, strays]) {
        stage(each);
        await breathe();
      }
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

interface Gathered {
  readonly frames: Frame[];
  textBytes: number;
  sizeBytes: number;
  /** Of all rows, since 1970. */
  day: number | undefined;
}

const nothing = (): Gathered => ({ frames: [], textBytes: 0, sizeBytes: 0, day: undefined });
