#!/usr/bin/env bash
# How late the TAP vendor indexes: what each settle pass found that earlier reads had missed, from the ledger alone.
#
#   scripts/examples/lateness-report.sh [--json] [DAYS]
#
#   DAYS    days of windows to look back (default 30)
#   --json  one line a row, of both tables
#
# First table: windows and rows added by tenant, day and pass. Second: for how many minutes after its creation an event was not yet
# there: from the event's creation to the live read that should have had it. The vendor selects by creation, which newer events
# tell (recorded_time); for older ones the time of the threat, then that of the message or click stands for it.
# Where the last pass still adds rows, later events are missed: add an age to `settle` in tenants.yaml.
set -euo pipefail

help() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; }
days=30
json=
for argument in "$@"; do
  case "$argument" in
    -h | --help) help && exit 0 ;;
    --json) json=--json ;;
    *[!0-9]* | '') help >&2 && exit 2 ;;
    *) days=$argument ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# With Compose: PPI="docker compose run --rm -T worker"
sql() { ${PPI:-npm run --silent ppi --} lake sql "$1" ${json:+"$json"} </dev/null; }

sql "
  SELECT tenant_id, covers_from::DATE AS day, pass, count(*)::INTEGER AS windows,
    sum(coalesce(list_sum([count.rows_added FOR count IN counts]), 0))::INTEGER AS rows_added
  FROM batches
  WHERE pass LIKE 'settle-%' AND covers_from >= now()::TIMESTAMP - INTERVAL $days DAY
  GROUP BY ALL
  ORDER BY ALL"

[ -n "$json" ] || echo

sql "
  WITH
    settle AS (
      SELECT * FROM batches
      WHERE pass LIKE 'settle-%' AND covers_from >= now()::TIMESTAMP - INTERVAL $days DAY
    ),
    live AS (SELECT * FROM batches WHERE pass = 'live'),
    event AS (
      SELECT batch_id, coalesce(recorded_time, list_max([threat.time FOR threat IN threats]), message_time) AS created
      FROM proofpoint_tap_messages_delivered
      UNION ALL
      SELECT batch_id, coalesce(recorded_time, list_max([threat.time FOR threat IN threats]), message_time)
      FROM proofpoint_tap_messages_blocked
      UNION ALL
      SELECT batch_id, coalesce(recorded_time, threat_time, click_time) FROM proofpoint_tap_clicks_permitted
      UNION ALL
      SELECT batch_id, coalesce(recorded_time, threat_time, click_time) FROM proofpoint_tap_clicks_blocked
    ),
    late AS (
      SELECT tenant_id, source_id, covers_from::DATE AS day, pass, created
      FROM event JOIN settle USING (batch_id)
    ),
    missed AS (
      -- the live window that the event belongs to, by its creation
      SELECT late.tenant_id, day, late.pass, date_diff('second', created, coalesce(live.read_at, live.committed_at)) / 60 AS minutes
      FROM late ASOF JOIN live
        ON late.tenant_id = live.tenant_id AND late.source_id = live.source_id AND late.created >= live.covers_from
      WHERE created < live.covers_to
    )
  SELECT tenant_id, day, pass, count(*)::INTEGER AS late_events, round(median(minutes), 1) AS minutes_median,
    round(quantile_cont(minutes, 0.9), 1) AS minutes_p90, round(max(minutes), 1) AS minutes_max
  FROM missed
  GROUP BY ALL
  ORDER BY ALL"
