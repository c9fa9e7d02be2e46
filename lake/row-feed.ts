/** A table function through which DuckDB reads rows that this process holds: `FROM gathered_rows(7)`, once. */
import { BIGINT, type DuckDBConnection, DuckDBTableFunction } from '@duckdb/node-api';
import type { Row } from '../tables/table.ts';
import { type Column, createFrame, duckdbTypeOf, type Frame } from './values.ts';
import { createLoan, type Loan } from './vector-text.ts';

export interface Offered {
  readonly columns: readonly Column[];
  readonly frames: readonly Frame[];
  /** Told of each frame that is empty. */
  readonly onEmpty?: (frame: Frame) => void;
}

/** What one statement has read. */
interface Reading {
  readonly offered: Offered;
  readonly loan: Loan;
  next: number;
}

const offers = new Map<bigint, Reading>();
let lastOffer = 0n;

/** Makes the function known to all connections of the instance: once each. */
export function registerRowFeed(connection: DuckDBConnection): void {
  connection.registerTableFunction(
    DuckDBTableFunction.create({
      name: 'gathered_rows',
      parameterTypes: [BIGINT],
      bindFunction(info) {
        const reading = offers.get(info.getParameter(0) as bigint);
        if (reading === undefined) return info.setError('nothing is offered under this number');
        for (const { name, type } of reading.offered.columns) info.addResultColumn(name, duckdbTypeOf(type));
        info.setBindData(reading);
      },
      // the frames come in their order, and their text lies in one loan
      initFunction: (info) => info.setMaxThreads(1),
      mainFunction(info, output) {
        const reading = info.getBindData() as Reading;
        const frame = reading.offered.frames[reading.next];
        reading.next += 1;
        if (frame === undefined) {
          output.rowCount = 0;
          return;
        }
        frame.moveTo(output.chunk, reading.loan);
        reading.offered.onEmpty?.(frame);
      },
    }),
  );
}

/** `use` gets what stands behind FROM in one statement. The frames are empty afterwards, and each may be filled again as soon as it is. */
export async function offerFrames<T>(offered: Offered, use: (relation: string) => Promise<T>): Promise<T> {
  lastOffer += 1n;
  const offer = lastOffer;
  const loan = createLoan();
  offers.set(offer, { offered, loan, next: 0 });
  try {
    return await use(`gathered_rows(${offer})`);
  } finally {
    offers.delete(offer);
    loan.end();
  }
}

/** The same for rows. Throws for a value that its column cannot hold. */
export async function offerRows<T>(
  columns: readonly Column[],
  rows: Iterable<Row>,
  use: (relation: string) => Promise<T>,
): Promise<T> {
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  for (const row of rows) {
    if (frame === undefined || frame.isFull) frames.push((frame = createFrame(columns)));
    frame.put(row);
  }
  return offerFrames({ columns, frames }, use);
}
