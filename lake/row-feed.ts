/** A table function through which DuckDB reads rows that this process gathered: `FROM gathered_rows(7)`, once. */
import { BIGINT, type DuckDBConnection, DuckDBTableFunction, type DuckDBType } from '@duckdb/node-api';
import type { Column, Frame } from './values.ts';
import { createLoan, type Loan } from './vector-text.ts';

export interface RowFeed {
  /** What stands behind FROM while `use` runs. The frames are empty afterwards, and each may be filled again as soon as it is. */
  offer<T>(rows: Offered, use: (relation: string) => Promise<T>): Promise<T>;
}

export interface Offered {
  readonly columns: readonly Column[];
  readonly types: readonly DuckDBType[];
  readonly frames: readonly Frame[];
  /** Told of each frame that is empty. */
  readonly onEmpty: (frame: Frame) => void;
}

/** What one statement has read. */
interface Reading {
  readonly offered: Offered;
  readonly loan: Loan;
  next: number;
}

/** Makes the function known to all connections of the instance: once each. */
export function openRowFeed(connection: DuckDBConnection): RowFeed {
  const offers = new Map<bigint, Reading>();
  let lastOffer = 0n;
  connection.registerTableFunction(
    DuckDBTableFunction.create({
      name: 'gathered_rows',
      parameterTypes: [BIGINT],
      bindFunction(info) {
        const reading = offers.get(info.getParameter(0) as bigint);
        if (reading === undefined) return info.setError('nothing is offered under this number');
        const { columns, types } = reading.offered;
        for (const [index, type] of types.entries()) info.addResultColumn(columns[index]?.name ?? '', type);
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
        reading.offered.onEmpty(frame);
      },
    }),
  );
  return {
    async offer(offered, use) {
      lastOffer += 1n;
      const offer = lastOffer;
      offers.set(offer, { offered, loan: createLoan(), next: 0 });
      try {
        return await use(`gathered_rows(${offer})`);
      } finally {
        offers.delete(offer);
      }
    },
  };
}
