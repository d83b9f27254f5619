#!/usr/bin/env bash
# Write what the running stack knows into a new folder, which deploy/restore.sh reads back.
set -euo pipefail
umask 077  # people drew the digits in it

compose=${COMPOSE:-docker compose}
folder=${1:-backups/$(date +%Y-%m-%dT%H-%M-%S)}
[ ! -e "$folder" ] || { echo "$folder is there already; name another folder." >&2; exit 1; }
$compose exec -T postgres pg_isready --quiet && $compose exec -T mlflow true ||
  { echo "PostgreSQL or MLflow does not run, and nothing was written; 'make stack' starts both." >&2; exit 1; }

unfinished=$folder.unfinished
rm -rf "$unfinished"
mkdir -p "$unfinished"
trap 'rm -rf "$unfinished"' EXIT

for database in feedback prefect mlflow; do
  $compose exec -T postgres pg_dump --username postgres --format custom "$database" \
    >"$unfinished/$database.dump"
done
# Last: an artifact without a run is harmless, a run without its artifact is not.
$compose exec -T mlflow tar -C /var/lib/artifacts -cz . >"$unfinished/artifacts.tar.gz" ||
  [ $? = 1 ]  # a file grew meanwhile: of a run at work, which a restore ends
tar -tzf "$unfinished/artifacts.tar.gz" >/dev/null
mv "$unfinished" "$folder"
echo "$folder holds $(du -sh "$folder" | cut -f1): $(cd "$folder" && echo *)"
