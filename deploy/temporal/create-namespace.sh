#!/bin/sh
# Creates the namespace and the search attributes that operators filter by; harmless when they exist.
# TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and RETENTION come from the environment.
set -eu

wait_for() {
  attempts=0
  until "$@" >/dev/null 2>&1; do
    attempts=$((attempts + 1))
    if [ "$attempts" -ge 60 ]; then
      echo "Temporal at $TEMPORAL_ADDRESS: still failing after $attempts attempts: $*" >&2
      exit 1
    fi
    sleep 1
  done
}

wait_for temporal operator cluster health

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi
# A frontend learns of a new namespace some seconds later.
wait_for temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"

# The names and types of workflows/search-attributes.ts.
temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
  --name TenantId --type Keyword \
  --name SourceId --type Keyword \
  --name SourceKind --type Keyword \
  --name PipelineState --type Keyword \
  --name LastErrorType --type Keyword \
  --name BackfillId --type Keyword \
  --name Watermark --type Datetime \
  --name ConsecutiveErrors --type Int
