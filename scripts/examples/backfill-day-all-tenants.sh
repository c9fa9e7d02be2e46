#!/usr/bin/env bash
# Reads what is missing of one UTC day for every TAP source: plans, starts, waits for all.
#
#   scripts/examples/backfill-day-all-tenants.sh DAY [--force]
#
#   DAY      such as 2026-01-30; the vendor keeps 7 days
#   --force  read also what has been read; adds nothing twice
#
# Give it again to go on waiting after Ctrl-C: a backfill that runs already is joined.
# Exit code: 0 all of it was read, 1 something failed (said on stderr), 2 wrong command line.
set -euo pipefail

help() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; }
case "${1:-}" in
  -h | --help) help && exit 0 ;;
  20[0-9][0-9]-[01][0-9]-[0-3][0-9]) day=$1 ;;
  *) help >&2 && exit 2 ;;
esac
case "${2:-}" in
  '' | --force) force=${2:-} ;;
  *) help >&2 && exit 2 ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# With Compose: PPI="docker compose run --rm -T worker"
ppi() { ${PPI:-npm run --silent ppi --} "$@" </dev/null; }

# Runs an expression for each JSON line on standard input, as `row`; what is no empty text is printed.
each_row() {
  node -e '
    const text = new Function("row", `return ${process.argv[1]}`);
    const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
    for (const line of lines) { const said = text(JSON.parse(line)); if (said) console.log(said); }
  ' "$1"
}

from=${day}T00:00:00Z
to=$(node -p "new Date(Date.parse('$from') + 86400000).toISOString().replace('.000Z', 'Z')")
failures=0
fail() {
  echo "$1" >&2
  failures=$((failures + 1))
}

listed=$(ppi sources list --json)
for name in $(each_row 'row.pipelineState === "unknown" ? `${row.tenantId}/${row.sourceId}` : ""' <<<"$listed"); do
  fail "$name: no worker answers for it; it may be a TAP source"
done

# Plan, and start where there is something to read. Names hold no blanks and no slash.
waiting=' '
for name in $(each_row 'row.kind === "tap" ? `${row.tenantId}/${row.sourceId}` : ""' <<<"$listed"); do
  range=(--tenant "${name%/*}" --source "${name#*/}" --from "$from" --to "$to" ${force:+"$force"})
  if ! plan=$(ppi backfill plan "${range[@]}" --json); then
    fail "$name: cannot be planned"
    continue
  fi
  windows=$(each_row 'String(row.windows)' <<<"$plan")
  echo "$name: $(each_row '`${row.windows} windows to read, ${row.alreadyRead} read already, ${row.requestsLeftToday} requests left today`' <<<"$plan")"
  beyond=$(each_row 'row.beyondHorizon' <<<"$plan")
  if [ -n "$beyond" ]; then fail "$name: $beyond"; fi
  if [ "$windows" = 0 ]; then continue; fi
  if started=$(ppi backfill start "${range[@]}" --json) ||
    [ "$(each_row 'row.error?.code' <<<"$started")" = backfill.running ]; then
    waiting="$waiting$name "
  else
    fail "$name: cannot be started"
  fi
done

# The list of backfills is a second or two behind.
while [ "$waiting" != ' ' ]; do
  sleep 5
  # newest first: an earlier backfill of the same day comes later and is passed over
  statuses=$(ppi backfill status --json)
  seen=' '
  while read -r name execution done of failed added; do
    case "$seen" in *" $name "*) continue ;; esac
    seen="$seen$name "
    case "$waiting" in *" $name "*) ;; *) continue ;; esac
    echo "$name: $execution, $done of $of windows, $failed failed, $added rows added"
    if [ "$execution" = running ]; then continue; fi
    waiting=${waiting/" $name "/ }
    if [ "$execution" != completed ] || [ "$failed" != 0 ]; then
      fail "$name: not all was read; see ppi backfill status --tenant ${name%/*} --json"
    fi
  done < <(each_row "row.from === '$from' && row.to === '$to'"' ? [`${row.tenantId}/${row.sourceId}`, row.execution, row.done, row.unitsTotal, row.failedCount, row.totals.rowsAdded].join(" ") : ""' <<<"$statuses")
done

[ "$failures" = 0 ]
