#!/usr/bin/env bash
# Write what the running stack knows into a new folder, which deploy/restore.sh reads back.
set -euo pipefail
umask 077  # people drew the digits in it

compose=${COMPOSE:-docker compose}
folder=${1:-}
case $folder in "" | /*) ;; *) folder=$PWD/$folder ;; esac
cd "$(dirname "$0")/.."
here=$PWD
folder=${folder:-backups/$(date +%Y-%m-%dT%H-%M-%S)}
folder=$(dirname "$folder")/$(basename "$folder")  # without a slash at its end
[ ! -e "$folder" ] || { echo "$folder is there already; name another folder." >&2; exit 1; }
$compose exec -T postgres pg_isready --quiet && $compose exec -T mlflow true ||
  { echo "PostgreSQL or MLflow does not run, and nothing was written; 'make stack' starts both." >&2; exit 1; }

answer_of() { # answer_of SERVICE COMMAND …: in its container, or in a new one while it does not run
  local answer
  if $compose exec -T "$1" true 2>/dev/null; then
    answer=$($compose exec -T "$@")
  else
    answer=$($compose run --rm --no-deps -T "$@")
  fi
  [ -n "$answer" ] || {
    echo "The service $1 could not be asked what a restore has to know, and nothing was written; 'make stack' starts it." >&2
    exit 1
  }
  echo "$answer"
}
version_of() { # version_of PACKAGE SERVICE
  answer_of "$2" python -c "from importlib.metadata import version; print(version('$1'))"
}
# In variables: a failure inside of an argument would end nothing.
ours=$(version_of ann-pipelines worker)
mlflow=$(version_of mlflow mlflow)
prefect=$(version_of prefect prefect)
key=$(answer_of serving sh -c 'test -n "$ANN_API_KEY" && echo required || echo none')

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

{
  echo "# Versions that wrote this backup, and what a restore has to find."
  echo "ann-pipelines $ours $(git rev-parse --short HEAD 2>/dev/null || true)"
  echo "mlflow $mlflow"
  echo "prefect $prefect"
  $compose exec -T postgres pg_dump --version
  echo "api-key $key"
} >"$unfinished/manifest"
(cd "$unfinished" && "$here/deploy/sha256.sh" ./*.dump artifacts.tar.gz manifest >checksums)
mv "$unfinished" "$folder"
echo "$folder holds $(du -sh "$folder" | cut -f1): $(cd "$folder" && echo *)"
