#!/bin/sh
# Brings both of Temporal's databases to the schema of this admin-tools image; does nothing where they are there already.
# Host, user, password and plugin come from SQL_* variables: https://docs.temporal.io/self-hosted-guide/upgrade-server
set -eu

for pair in temporal:temporal temporal_visibility:visibility; do
  SQL_DATABASE=${pair%%:*}
  export SQL_DATABASE
  temporal-sql-tool setup-schema --version 0.0
  temporal-sql-tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/${pair##*:}/versioned"
done
