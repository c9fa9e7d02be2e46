/**
 * Text lines to the columns of their table in SQL, in the form that DuckDB runs fastest: one regular expression cuts a line into its pairs, and every
 * column is a look-up in the list of their keys. It makes all columns that a key fills (cast, cleaned, lists split), the header's, `extra`, the
 * event's identity, the record and its place. It does not make what the loader adds from these: the derived columns (domains, the parts
 * of `relay`, classes and dispositions), `obs_…`, dead letters, the numbers of identical lines, the look-up of events that the lake has by now,
 * and files by day. It differs from the loader in two things: a known key that comes twice is not kept twice, and a sender that stands in
 * another text of sendmail (`SYSERR(root): … from=<…>`) is taken for one.
 */
import { quote } from '../../lake/sql.ts';
import { parserVersion } from '../../tables/envelope.ts';
import { tables } from '../../tables/registry.ts';
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

/** Signs that no line has. */
const pairMark = '\u0001';
const keyMark = '\u0002';

const sendmailKeys =
  `from to size class nrcpts msgid bodytype proto daemon auth relay tls_verify tls_version cipher ctladdr delay xdelay mailer pri dsn
  reply quarantine stat STARTTLS AUTH version verify bits mech authid ruleset arg1 arg2 reject`.split(/\s+/);

/** List of the pairs of `line`, each with its key, `keyEnd` and its value. */
const pairsOf: Readonly<Record<LineTable, { readonly pairs: string; readonly keyEnd: string }>> = {
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

/** A row per line of the gzip file at `path`, which is simulated: no line has another form. */
export function selectLines(table: LineTable, path: string): string {
  const form = pairsOf[table];
  const filled = keyColumns(table);
  const columns = filled.map((column) =>
    columnOf(
      column,
      column.keys.map((key) => `texts[list_position(keys, ${quote(key)})]`),
    ),
  );
  const isKnown = `entry[1] IN (${filled
    .flatMap(({ keys }) => keys)
    .map(quote)
    .join(', ')})`;
  const text = `pair[strpos(pair, ${quote(form.keyEnd)}) + 1:]`;
  const bare = form.keyEnd === '=' ? unquoted(text) : text;
  const identity = `left(sha256(${quote(`${table}\n`)} || line), 32)`;
  return `
    SELECT 'acme' AS tenant_id, ${identity} AS event_id, coalesce(log_time, TIMESTAMP '2026-02-01') AS event_time,
      if(log_time IS NULL, 'object', if(head.dated <> '', 'record+object', 'record')) AS time_source, now() AS ingested_at, 'acme/bench/s3/bench/object@etag' AS batch_id,
      {'uri': 's3://bench/object', 'offset': ends - strlen(line) - 1, 'line': number} AS source_ref,
      ${parserVersion} AS parser_version, ${tables[table].ocsf.classUid} AS class_uid, ${tables[table].ocsf.activityId} AS activity_id, line AS raw,
      map_from_entries(list_distinct(list_filter(list_zip(list_append(keys, 'syslog_priority'), list_append(texts, nullif(head.priority, ''))), lambda entry: entry[2] IS NOT NULL AND NOT (${isKnown})))) AS extra,
      log_time, ${headerColumns},
      ${columns.join(',\n      ')}
    FROM (
      SELECT line, number, ends, head, list_transform(pairs, lambda pair: ${keyOf(form.keyEnd)}) AS keys,
        list_transform(pairs, lambda pair: ${bare}) AS texts, ${logTime} AS log_time
      FROM (
        SELECT line, row_number() OVER () AS number, sum(strlen(line) + 1) OVER (ROWS UNBOUNDED PRECEDING)::BIGINT AS ends,
          regexp_extract(line, ${quote(header.pattern)}, [${header.groups.map(quote).join(', ')}]) AS head, ${form.pairs} AS pairs
        FROM ${readLines(path)}))`;
}

function keyOf(keyEnd: string): string {
  const key = `split_part(pair, ${quote(keyEnd)}, 1)`;
  return keyEnd === '=' ? `ltrim(${key})` : key;
}
