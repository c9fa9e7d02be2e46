/**
 * Text lines to columns as a user of DuckDB writes it: a `regexp_extract` for each column. Only the header's columns, those that a key fills, and
 * the record: without `extra`, identity and place it has less to do than the loader. A key that stands within a quoted value is taken for one.
 */
import { quote } from '../../lake/sql.ts';
import {
  columnOf,
  header,
  headerColumns,
  keyColumns,
  type LineTable,
  logTime,
  readLines,
  unquoted,
} from './line-columns.ts';

/** What stands before a key, and its value behind the `=`. */
const patternOf: Readonly<Record<LineTable, (key: string) => string>> = {
  // up to the next comma and blank; a peer's answer may hold them, and stands last
  proofpoint_gateway_sendmail_logs: (key) =>
    `(?:: |, |\\] )${key}=${key === 'stat' || key === 'reject' ? '(.*)' : '((?:[^,]|,[^ ])*)'}`,
  proofpoint_gateway_filter_logs: (key) => ` ${key}=("(?:[^"\\\\]|\\\\.)*"|[^ ]*)`,
};

/** A row per line of the gzip file at `path`, which is simulated: no line has another form. */
export function selectPlainly(table: LineTable, path: string): string {
  const bare = table === 'proofpoint_gateway_filter_logs' ? unquoted : (text: string) => text;
  const columns = keyColumns(table).map((column) => {
    const texts = column.keys.map((key) => bare(`regexp_extract(line, ${quote(patternOf[table](key))}, 1)`));
    return columnOf(column, texts.length > 1 ? texts.map((text) => `nullif(${text}, '')`) : texts);
  });
  return `
    SELECT line AS raw, ${logTime} AS log_time, ${headerColumns},
      ${columns.join(',\n      ')}
    FROM (
      SELECT line, regexp_extract(line, ${quote(header.pattern)}, [${header.groups.map(quote).join(', ')}]) AS head
      FROM ${readLines(path)})`;
}
