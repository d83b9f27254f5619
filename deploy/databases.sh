#!/usr/bin/env bash
# A database and its owner for each service; nobody else may open it. PostgreSQL runs this at its
# first start, `make stack` each time: so a new .env sets new passwords. They are read from the
# environment, because a command line is seen by every process.
set -euo pipefail

owner() { # owner NAME VARIABLE
  psql --quiet --set ON_ERROR_STOP=1 --username postgres <<SQL
\getenv password $2
SELECT 'CREATE ROLE $1 LOGIN'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$1') \gexec
ALTER ROLE $1 PASSWORD :'password';
SELECT 'CREATE DATABASE $1 OWNER $1'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '$1') \gexec
REVOKE CONNECT ON DATABASE $1 FROM PUBLIC;
SQL
}

owner mlflow MLFLOW_DB_PASSWORD
owner prefect PREFECT_DB_PASSWORD
owner feedback FEEDBACK_DB_PASSWORD
