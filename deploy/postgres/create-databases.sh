#!/bin/sh
# Runs once, on an empty data directory: https://github.com/docker-library/docs/tree/master/postgres#initialization-scripts
# Temporal and the lake get a role each, so that neither can reach the other's tables.
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set temporal_password="$TEMPORAL_DB_PASSWORD" --set lake_password="$LAKE_DB_PASSWORD" <<'SQL'
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE ROLE lake LOGIN PASSWORD :'lake_password';
CREATE DATABASE lake OWNER lake;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, lake FROM PUBLIC;
SQL
