#!/usr/bin/env bash
# Fills the time that TAP sources have not read, as far as the vendor still has it, and reports what is lost.
#
#   scripts/examples/fill-gaps.sh
#
# Fit for cron: where nothing is missing it asks the vendor for nothing. Backfills run on behind the live reads;
# `ppi backfill status` shows them. Exit code: 0 done, though time may be lost; 1 a tenant's gaps could not be filled,
# or a source did not answer: the gaps of all others are filled.
set -euo pipefail

help() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; }
case "${1:-}" in
  '') ;;
  -h | --help) help && exit 0 ;;
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

failures=0
# A source that does not answer is told of behind the gaps of all that do.
gaps=$(ppi gaps list --json) || failures=1
each_row 'row.error ? "" : `${row.tenantId}/${row.sourceId}: ${row.from} to ${row.to} ${row.fillable ? "can be filled" : "LOST: the vendor has it no more"}`' <<<"$gaps"

# One tenant at a time, so that one tenant's trouble is not the others'.
for tenant in $(each_row 'row.fillable ? row.tenantId : ""' <<<"$gaps" | sort -u); do
  started=$(ppi gaps fill --tenant "$tenant" --json) || failures=$((failures + 1))
  each_row 'row.error ? "" : `${row.tenantId}/${row.sourceId}: started, ${row.windows} windows from ${row.from} to ${row.to}`' <<<"$started"
done
[ "$failures" = 0 ]
