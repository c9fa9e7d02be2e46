/** Rows of a large batch on their way into files of the lake, each of one day: gathered by day in this process. */
import type { Row } from '../tables/table.ts';
import { type Column, createFrame, type Frame } from './values.ts';

/** Rows of one day, in the order in which they came. */
export interface Gathered {
  /** Since 1970. */
  readonly day: number;
  readonly frames: readonly Frame[];
  readonly rowCount: number;
  /** Of the text in them. */
  readonly textBytes: number;
  /** Of the records that they were made of. */
  readonly sizeBytes: number;
}

export interface Gathering {
  /** Of all full frames. */
  readonly textBytes: number;
  hasRoomFor(day: number): boolean;
  /** Whether that made a frame full. */
  put(day: number, row: Row, sizeBytes: number): boolean;
  /** Takes out the day with most text in full frames; undefined where there is no day. */
  takeFullest(): Gathered | undefined;
  /** Takes out a day that had no row for a while: the log has passed it. */
  takePassed(): Gathered | undefined;
  /** The frame is empty and may be filled again. */
  giveBack(frame: Frame): void;
}

interface Day {
  readonly day: number;
  readonly frames: Frame[];
  frame: Frame;
  rowCount: number;
  fullBytes: number;
  sizeBytes: number;
  /** Number of its last row among all rows. */
  lastRow: number;
}

/** A log is of one day or two, and late records are of the week before. Each day takes memory for a frame. */
const daysMax = 8;
const passedRows = 1000;

export function createGathering(columns: readonly Column[]): Gathering {
  const days = new Map<number, Day>();
  const empty: Frame[] = [];
  let textBytes = 0;
  let rows = 0;

  const nextFrame = () => empty.pop() ?? createFrame(columns);

  function open(day: number): Day {
    const opened = { day, frames: [], frame: nextFrame(), rowCount: 0, fullBytes: 0, sizeBytes: 0, lastRow: rows };
    days.set(day, opened);
    return opened;
  }

  /** The day that is first by `rank`, least first. */
  function take(rank: (day: Day) => number): Gathered | undefined {
    const [first] = Array.from(days.values()).sort((one, other) => rank(one) - rank(other));
    if (first === undefined) return undefined;
    const { day, frames, frame, rowCount, fullBytes, sizeBytes } = first;
    days.delete(day);
    textBytes -= fullBytes;
    return { day, frames: [...frames, frame], rowCount, textBytes: fullBytes + frame.textBytes, sizeBytes };
  }

  return {
    get textBytes() {
      return textBytes;
    },
    hasRoomFor: (day) => days.has(day) || days.size < daysMax,
    put(day, row, sizeBytes) {
      const own = days.get(day) ?? open(day);
      const { frame } = own;
      frame.put(row);
      rows += 1;
      own.lastRow = rows;
      own.rowCount += 1;
      own.sizeBytes += sizeBytes;
      if (!frame.isFull) return false;
      own.frames.push(frame);
      own.fullBytes += frame.textBytes;
      textBytes += frame.textBytes;
      own.frame = nextFrame();
      return true;
    },
    takeFullest: () => take(({ fullBytes }) => -fullBytes),
    takePassed() {
      const isPassed = Array.from(days.values()).some(({ lastRow }) => rows - lastRow >= passedRows);
      return isPassed ? take(({ lastRow }) => lastRow) : undefined;
    },
    giveBack: (frame) => empty.push(frame),
  };
}
