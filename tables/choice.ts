/** What the `table` setting of an object source names: one table, or both of Proofpoint on Demand, told apart record by record. */
import { decodeUtf8 } from './decode.ts';
import { parseJson } from './json/json-table.ts';
import { isObject } from './json/shape.ts';
import { isMailLine, podMaillog } from './pod-maillog.ts';
import { podMessage } from './pod-message.ts';
import { tables } from './registry.ts';
import { reject } from './stamp.ts';
import type { Origin, ParseResult, RawRecord, Table, TableName } from './table.ts';

export type Parsed = ParseResult & { readonly table: TableName };

export interface TableChoice {
  /** Those that records may go to; records that fit none are dead letters of the first. */
  readonly tables: readonly [Table, ...Table[]];
  /** How their records are shipped, as `readObjectRecords` takes it. */
  readonly form: {
    readonly format: 'json' | 'text';
    readonly columns: readonly Readonly<Record<string, string>>[];
  };
  /** As `parse` of a table; total, too. */
  parse(record: RawRecord, origin: Origin): Parsed;
}

export function chooseTable(name: TableName | 'proofpoint_on_demand'): TableChoice {
  return name === 'proofpoint_on_demand' ? podChoice : oneTable(tables[name]);
}

function oneTable(table: Table): TableChoice {
  return {
    tables: [table],
    form: table.identity === 'line' ? { format: 'text', columns: [] } : { format: 'json', columns: columnsOf([table]) },
    parse: (record, origin) => ({ table: table.name, ...table.parse(record, origin) }),
  };
}

function columnsOf(choices: readonly Table[]) {
  return choices.map(({ paths = {} }) => paths);
}

const podChoice: TableChoice = {
  tables: [podMessage, podMaillog],
  form: { format: 'json', columns: columnsOf([podMessage, podMaillog]) },
  parse(record, origin) {
    const table = podTableOf(record);
    if (table !== undefined) return { table: table.name, ...table.parse(record, origin) };
    return {
      table: podMessage.name,
      ...reject(
        'unknown_record',
        'the record must have msgParts, envelope, filter, msg or connection, or else sm or a line of sendmail in data',
      ),
    };
  },
};

/** Undefined where it is neither. What is no JSON object goes to the first table, which says what is wrong with it. */
function podTableOf(record: RawRecord): Table | undefined {
  if (record.oversized === true || record.reject !== undefined) return podMessage;
  const { text, exact } = decodeUtf8(record.bytes);
  const source = exact ? parseJson(text) : undefined;
  if (!isObject(source) || Object.keys(source).length === 0) return podMessage;
  if (messageKeys.some((key) => Object.hasOwn(source, key))) return podMessage;
  const { data } = source;
  const hasLine = typeof data === 'string' && isMailLine(data);
  return Object.hasOwn(source, 'sm') || hasLine ? podMaillog : undefined;
}

/** Every message record of the Log API has them, an export perhaps not all; no maillog record has one. */
const messageKeys = ['msgParts', 'envelope', 'filter', 'msg', 'connection'];
