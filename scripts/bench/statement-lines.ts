/**
 * Text lines to the columns of their table in SQL, in the form that DuckDB runs fastest: one regular expression cuts a line into its pairs, and every
 * column is a look-up in the list of their keys. It makes all columns that a key fills (cast, cleaned, lists split), the header's, `extra`, the
 * event's identity, the record and its place. It does not make what the loader adds from these: the derived columns (domains, the parts
 * of `relay`, classes and dispositions), `obs_…`, dead letters, the numbers of identical lines, the look-up of events that the lake has by now,
 * and files by day. It differs from the loader in two things: a known key that comes twice is not kept twice, and a sender that stands in
 * another text of sendmail (`SYSERR(root): … from=<…>`) is taken for one.
 */
import { name, quote } from '../../lake/sql.ts';
import { columnMeta, columnType, duckdbType } from '../../tables/column.ts';
import { envelope } from '../../tables/envelope.ts';
import { tables } from '../../tables/registry.ts';
import type { TableName } from '../../tables/table.ts';

/** Signs that no line has. */
const pairMark = '\u0001';
const keyMark = '\u0002';

const sendmailKeys =
  `from to size class nrcpts msgid bodytype proto daemon auth relay tls_verify tls_version cipher ctladdr delay xdelay mailer pri dsn
  reply quarantine stat STARTTLS AUTH version verify bits mech authid ruleset arg1 arg2 reject`.split(/\s+/);

/** List of the pairs of `line`, each with its key, `keyEnd` and its value. */
const pairsOf: Partial<Record<TableName, { readonly pairs: string; readonly keyEnd: string }>> = {
  proofpoint_gateway_sendmail_logs: {
    pairs: `string_split(regexp_replace(line, '(?:: |, |\\] )(${sendmailKeys.join('|')})=', '${pairMark}\\1${keyMark}', 'g'), '${pairMark}')[2:]`,
    keyEnd: keyMark,
  },
  proofpoint_gateway_filter_logs: {
    // the blank before a key is taken off with it
    pairs: `regexp_extract_all(line, ' [\\w.-]+=(?:"(?:[^"\\\\]|\\\\.)*"|[^ ]*)')`,
    keyEnd: '=',
  },
};

/** What the loader takes off a value, where it takes something. */
const cleaned: Readonly<Record<string, ((text: string) => string) | undefined>> = {
  mail_from: (text) => `trim(${text}, '<>')`,
  rcpt_to: (text) => `replace(replace(${text}, '<', ''), '>', '')`,
  msgid: (text) => `trim(${text}, '<>')`,
  ctladdr: (text) => `trim(split_part(${text}, ' (', 1), '<>')`,
  tls_version: (text) => `nullif(${text}, 'NONE')`,
  tls_cipher: (text) => `nullif(${text}, 'NONE')`,
  delay_s: seconds,
  xdelay_s: seconds,
};

/** `[D+]HH:MM:SS` */
function seconds(text: string): string {
  const days = `coalesce(TRY_CAST(split_part(${text}, '+', -2) AS BIGINT), 0)`;
  return `${days} * 86400 + epoch(TRY_CAST(split_part(${text}, '+', -1) AS TIME))::BIGINT`;
}

/** A row per line of the gzip file at `path`, which is simulated: no line has another form. */
export function selectLines(table: TableName, path: string): string {
  const form = pairsOf[table];
  if (form === undefined) throw new Error(`${table} is no table of lines`);
  const known: string[] = [];
  const columns = Object.entries(tables[table].row.shape).flatMap(([column, type]) => {
    const { source } = columnMeta(type);
    if (
      column in envelope ||
      source === 'header' ||
      source.startsWith('derived') ||
      !/^[\w.]+( \| [\w.]+)*$/.test(source)
    )
      return [];
    const keys = source.split(' | ');
    known.push(...keys, ...(column === 'sha256' ? ['a'] : []));
    const looked = keys.map((key) => `texts[list_position(keys, ${quote(key)})]`);
    if (column === 'sha256') looked.push("texts[list_position(keys, 'a')]");
    const text = `nullif(${looked.length > 1 ? `coalesce(${looked.join(', ')})` : looked.join('')}, '')`;
    return [`${valueOf(column, text, duckdbType(columnType(type)))} AS ${name(column)}`];
  });
  const isKnown = `key IN (${known.map(quote).join(', ')})`;
  const text = `pair[strpos(pair, ${quote(form.keyEnd)}) + 1:]`;
  const unquoted = form.keyEnd === '=' ? `replace(trim(${text}, '"'), '\\"', '"')` : text;
  const header = ['priority', 'bracketed', 'written', 'dated', 'host', 'process', 'pid'];
  const pattern = String.raw`^(?:<(\d+)>)?(?:\[([^\]]+)\] |(?:(\d{4}-\S+)|(\w{3} +\d+ \S+)) (\S+) ([^ \[]+)\[(\d+)\]: )`;
  const table32 = `left(sha256(${quote(`${table}\n`)} || line), 32)`;
  return `
    SELECT 'acme' AS tenant_id, ${table32} AS event_id, coalesce(log_time, TIMESTAMP '2026-02-01') AS event_time,
      if(log_time IS NULL, 'object', 'record') AS time_source, now() AS ingested_at, 'acme/bench/s3/bench/object@etag' AS batch_id,
      {'uri': 's3://bench/object', 'offset': ends - strlen(line) - 1, 'line': number} AS source_ref,
      1 AS parser_version, ${tables[table].ocsf.classUid} AS class_uid, ${tables[table].ocsf.activityId} AS activity_id, line AS raw,
      map_from_entries(list_distinct(list_filter(list_zip(list_append(keys, 'syslog_priority'), list_append(texts, nullif(head.priority, ''))), lambda entry: entry[2] IS NOT NULL AND NOT (${isKnown.replace('key', 'entry[1]')})))) AS extra,
      log_time, nullif(head.host, '') AS host, nullif(head.process, '') AS process, TRY_CAST(head.pid AS INTEGER) AS pid,
      ${columns.join(',\n      ')}
    FROM (
      SELECT line, number, ends, head, list_transform(pairs, lambda pair: ${keyOf(form.keyEnd)}) AS keys,
        list_transform(pairs, lambda pair: ${unquoted}) AS texts,
        if(head.dated <> '', try_strptime('2026 ' || head.dated, '%Y %b %d %H:%M:%S'),
          TRY_CAST(if(head.written = '', concat(head.bracketed[1:26], head.bracketed[28:30], ':', head.bracketed[31:]), head.written) AS TIMESTAMPTZ) AT TIME ZONE 'UTC') AS log_time
      FROM (
        SELECT line, row_number() OVER () AS number, sum(strlen(line) + 1) OVER (ROWS UNBOUNDED PRECEDING)::BIGINT AS ends,
          regexp_extract(line, ${quote(pattern)}, [${header.map(quote).join(', ')}]) AS head, ${form.pairs} AS pairs
        FROM read_csv(${quote(path)}, columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false,
          compression = 'gzip', max_line_size = 1000000)))`;
}

function keyOf(keyEnd: string): string {
  const key = `split_part(pair, ${quote(keyEnd)}, 1)`;
  return keyEnd === '=' ? `ltrim(${key})` : key;
}

function valueOf(column: string, text: string, stored: string): string {
  const clean = cleaned[column]?.(text) ?? text;
  if (stored === 'VARCHAR') return clean === text ? text : `nullif(${clean}, '')`;
  if (stored === 'VARCHAR[]')
    return `list_filter(list_transform(string_split(${clean}, ','), lambda item: trim(item)), lambda item: item <> '')`;
  return `TRY_CAST(${clean} AS ${stored})`;
}
