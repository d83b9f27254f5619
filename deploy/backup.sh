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
# Last: an artifact without a run is harmless, a run without its artifact is not. Artifacts in S3
# are not in this volume, and backed up where they are.
$compose exec -T mlflow tar -C /var/lib/artifacts -cz . >"$unfinished/artifacts.tar.gz" ||
  [ $? = 1 ]  # a file grew meanwhile: of an active run, which a restore ends
tar -tzf "$unfinished/artifacts.tar.gz" >/dev/null

version_of() { # version_of PACKAGE
  $compose exec -T worker python -c "from importlib.metadata import version; print(version('$1'))"
}
{
  echo "# Versions that wrote this backup, and what a restore has to find."
  echo "ann-pipelines $(version_of ann-pipelines) $(git rev-parse --short HEAD 2>/dev/null || true)"
  echo "mlflow $(version_of mlflow)"
  echo "prefect $(version_of prefect)"
  $compose exec -T postgres pg_dump --version
  echo "api-key $($compose exec -T serving sh -c 'test -n "$ANN_API_KEY" && echo required || echo none')"
} >"$unfinished/manifest"
(cd "$unfinished" && "$OLDPWD/deploy/sha256.sh" ./*.dump artifacts.tar.gz manifest >checksums)
mv "$unfinished" "$folder"
echo "$folder holds $(du -sh "$folder" | cut -f1): $(cd "$folder" && echo *)"
