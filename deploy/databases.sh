#!/usr/bin/env bash
# PostgreSQL's first start: a database and its owner for each service; nobody else may open it.
set -euo pipefail

create() {
  psql --quiet --set ON_ERROR_STOP=1 --set name="$1" --set password="$2" --username postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
}

create mlflow "$MLFLOW_DB_PASSWORD"
create prefect "$PREFECT_DB_PASSWORD"
create feedback "$FEEDBACK_DB_PASSWORD"
