#!/usr/bin/env bash
# Read a folder that deploy/backup.sh wrote into a stack that holds nothing, and start the stack.
set -euo pipefail

compose=${COMPOSE:-docker compose}
folder=${1:-}
[ -n "$folder" ] || { echo "Which backup? For example: make restore FROM=backups/2026-01-31T03-00-00" >&2; exit 1; }
databases="feedback prefect mlflow"
for part in $databases; do
  [ -s "$folder/$part.dump" ] || { echo "$folder has no $part.dump: it is no whole backup." >&2; exit 1; }
done
tar -tzf "$folder/artifacts.tar.gz" >/dev/null

on_postgres() { $compose exec -T postgres "$@"; }
$compose up --detach postgres
for _ in {1..60}; do
  on_postgres sh -c 'psql -q postgresql://feedback:$FEEDBACK_DB_PASSWORD@127.0.0.1/feedback -c ""' \
    >/dev/null 2>&1 && break
  sleep 2
done
for database in $databases; do
  tables=$(on_postgres psql --username postgres --dbname "$database" -qtAc \
    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
  [ "$tables" = 0 ] || {
    echo "The stack here holds something already, and nothing was changed. A restore needs an" >&2
    echo "empty one: back up what you want to keep; then '$compose down --volumes' removes all" >&2
    echo "that it holds, for good; then restore again." >&2
    exit 1
  }
done

for database in $databases; do
  on_postgres pg_restore --username postgres --dbname "$database" --single-transaction \
    <"$folder/$database.dump"
done
$compose run --rm --no-deps -T mlflow tar -C /var/lib/artifacts -xz <"$folder/artifacts.tar.gz"
$compose up --detach
echo "Restored from $folder. '$compose ps' tells when everyone is healthy: in a minute or two."
