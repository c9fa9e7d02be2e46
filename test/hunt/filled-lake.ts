/** A lake in a temporary directory, with records of any table. */
import { openLake } from '../../lake/lake.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';
import { objectHeader, sqliteLake } from '../support/lake.ts';

export interface Load {
  readonly tenantId: string;
  readonly table: TableName;
  /** Objects stand as JSON. */
  readonly records: readonly (string | object)[];
}

/** Gives the settings of the lake; throws where a record is no row. */
export async function fillLake(directory: string, loads: readonly Load[]) {
  const settings = sqliteLake(directory);
  const lake = await openLake(settings);
  for (const [index, { tenantId, table, records }] of loads.entries()) {
    const header = objectHeader(`load${index}`, tenantId);
    await lake.load(header, [table], async (stage) => {
      for (const [line, record] of records.entries()) {
        const bytes = Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
        const { row, reject } = tables[table].parse(
          { bytes, offset: line, line: line + 1 },
          {
            ...header,
            fallbackTimeSource: 'object',
            ingestedAt: stage.ingestedAt,
          },
        );
        if (row === undefined) throw new Error(reject.reason);
        stage.addRow(table, row);
      }
    });
  }
  await lake.close();
  return settings;
}
