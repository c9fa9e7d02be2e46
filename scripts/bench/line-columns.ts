/** What SQL statements over text lines share: how the lines are read, their header, the columns that keys fill, and what a value becomes there. */
import { name, quote } from '../../lake/sql.ts';
import { columnMeta, columnType, duckdbType } from '../../tables/column.ts';
import { envelope } from '../../tables/envelope.ts';
import { tables } from '../../tables/registry.ts';

/** The tables whose records are lines. */
export type LineTable = 'proofpoint_gateway_sendmail_logs' | 'proofpoint_gateway_filter_logs';

export interface KeyColumn {
  readonly column: string;
  /** The first of them that a line has fills the column. */
  readonly keys: readonly string[];
  /** As DuckDB writes it. */
  readonly type: string;
}

export function keyColumns(table: LineTable): KeyColumn[] {
  return Object.entries(tables[table].row.shape).flatMap(([column, schema]) => {
    const { source } = columnMeta(schema);
    const isKeys = /^[\w.]+( \| [\w.]+)*$/.test(source);
    if (column in envelope || source === 'header' || source.startsWith('derived') || !isKeys) return [];
    const keys = [...source.split(' | '), ...(column === 'sha256' ? ['a'] : [])];
    return [{ column, keys, type: duckdbType(columnType(schema)) }];
  });
}

/** Pattern and names of its groups. */
export const header = {
  pattern: String.raw`^(?:<(\d+)>)?(?:\[([^\]]+)\] |(?:(\d{4}-\S+)|(\w{3} +\d+ \S+)) (\S+) ([^ \[]+)\[(\d+)\]: )`,
  groups: ['priority', 'bracketed', 'written', 'dated', 'host', 'process', 'pid'],
};

/** The time, of `head`: what the pattern found. */
export const logTime = `
  if(head.dated <> '', try_strptime('2026 ' || head.dated, '%Y %b %d %H:%M:%S'),
    TRY_CAST(if(head.written = '', concat(head.bracketed[1:26], head.bracketed[28:30], ':', head.bracketed[31:]), head.written) AS TIMESTAMPTZ) AT TIME ZONE 'UTC')`;

export const headerColumns = `nullif(head.host, '') AS host, nullif(head.process, '') AS process, TRY_CAST(head.pid AS INTEGER) AS pid`;

/** The column `line` of the gzip file at `path`. */
export function readLines(path: string): string {
  return `read_csv(${quote(path)}, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false,
    compression = 'gzip', max_line_size = 1000000)`;
}

/** A value of the filter log without its quotes. */
export function unquoted(text: string): string {
  return `if(starts_with(${text}, '"'), replace((${text})[2:-2], '\\"', '"'), ${text})`;
}

/** What the loader takes off a value, where it takes something. */
const cleaned: Readonly<Record<string, ((text: string) => string) | undefined>> = {
  mail_from: withoutBrackets,
  rcpt_to: (text) => `replace(replace(${text}, '<', ''), '>', '')`,
  msgid: withoutBrackets,
  hdr_mid: withoutBrackets,
  rcpt: withoutBrackets,
  ofrom: withoutBrackets,
  arg1: withoutBrackets,
  arg2: withoutBrackets,
  ctladdr: (text) => `trim(split_part(${text}, ' (', 1), '<>')`,
  tls_version: (text) => `nullif(${text}, 'NONE')`,
  tls_cipher: (text) => `nullif(${text}, 'NONE')`,
  delay_s: seconds,
  xdelay_s: seconds,
};

function withoutBrackets(text: string): string {
  return `trim(${text}, '<>')`;
}

/** `[D+]HH:MM:SS` */
function seconds(text: string): string {
  const days = `coalesce(TRY_CAST(split_part(${text}, '+', -2) AS BIGINT), 0)`;
  return `${days} * 86400 + epoch(TRY_CAST(split_part(${text}, '+', -1) AS TIME))::BIGINT`;
}

/** The column made of texts, each null or empty where the line lacks its key. */
export function columnOf({ column, type }: KeyColumn, texts: readonly string[]): string {
  const text = `nullif(${texts.length > 1 ? `coalesce(${texts.join(', ')})` : texts.join('')}, '')`;
  return `${valueOf(column, text, type)} AS ${name(column)}`;
}

function valueOf(column: string, text: string, type: string): string {
  const clean = cleaned[column]?.(text) ?? text;
  if (type === 'VARCHAR') return clean === text ? text : `nullif(${clean}, '')`;
  if (type === 'VARCHAR[]')
    return `list_filter(list_transform(string_split(${clean}, ','), lambda item: trim(item)), lambda item: item <> '')`;
  return `TRY_CAST(${clean} AS ${type})`;
}
