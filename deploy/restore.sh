#!/usr/bin/env bash
# Read a folder that deploy/backup.sh wrote into a stack that holds nothing, and start the stack.
set -Eeuo pipefail  # functions, too, end in the trap below

compose=${COMPOSE:-docker compose}
folder=${1:-}
[ -n "$folder" ] || { echo "Which backup? For example: make restore FROM=backups/2026-01-31T03-00-00" >&2; exit 1; }
case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
cd "$(dirname "$0")/.."
here=$PWD
databases="feedback prefect mlflow"

# Everything is checked before the first dump is read.
for part in feedback.dump prefect.dump mlflow.dump artifacts.tar.gz manifest checksums; do
  [ -s "$folder/$part" ] || { echo "$folder has no $part: it is no whole backup." >&2; exit 1; }
done
checked=$(cd "$folder" && LC_ALL=C "$here/deploy/sha256.sh" --check checksums 2>&1) || {
  grep -v ': OK$' <<<"$checked" >&2 || true
  case $checked in
    *": FAILED"*) echo "$folder is damaged: a file is not as the backup wrote it. Nothing was changed; use another backup." >&2 ;;
    *) echo "The checksums of $folder could not be checked, as said above. Nothing was changed." >&2 ;;
  esac
  exit 1
}
for part in feedback.dump prefect.dump mlflow.dump artifacts.tar.gz manifest; do
  grep -qE "^[0-9a-f]{64} [ *](\./)?${part//./\\.}\$" "$folder/checksums" || {
    echo "The checksums of $folder have none of $part: the file is cut off, or not the backup's." >&2
    echo "Nothing was changed; use another backup." >&2
    exit 1
  }
done
case $(sed -n 's/^api-key //p' "$folder/manifest") in
  none) why= ;;
  required) why="The service of $folder required an API key, which no backup holds." ;;
  *) why="The manifest of $folder does not say whether the service required an API key." ;;
esac
if [ -n "$why" ]; then
  key=${ANN_API_KEY:-$($compose config 2>/dev/null | sed -n 's/^ *ANN_API_KEY: *//p' | head -n 1 | tr -d "\"'" || true)}
  [ -n "$key" ] || [ "${WITHOUT_KEY:-}" = 1 ] || {
    echo "$why Set ANN_API_KEY in .env" >&2
    echo "(a new key will do; tell its senders), or open the service: WITHOUT_KEY=1 make restore …" >&2
    exit 1
  }
fi

for package in mlflow prefect; do
  wrote=$(sed -n "s/^$package //p" "$folder/manifest")
  [ -n "$wrote" ] || {
    echo "The manifest of $folder names no version of $package, so that nobody knows who can read it." >&2
    echo "Nothing was changed; use another backup." >&2
    exit 1
  }
  reads=$($compose run --rm --no-deps -T mlflow \
    python -c "from importlib.metadata import version; print(version('$package'))")
  [ "$(printf '%s\n' "$wrote" "$reads" | sort -V | tail -n 1)" = "$reads" ] || {
    echo "$folder was written with $package $wrote, and here is $reads, which is older and cannot" >&2
    echo "read it. Check out the version of this project that wrote it, or a newer one." >&2
    exit 1
  }
done

on_postgres() { $compose exec -T postgres "$@"; }
$compose up --detach postgres
for _ in {1..60}; do
  on_postgres sh -c 'PGPASSWORD=$FEEDBACK_DB_PASSWORD psql -q -h 127.0.0.1 -U feedback -c ""' \
    >/dev/null 2>&1 && break
  sleep 2
done
tables=0
for database in $databases; do
  tables=$((tables + $(on_postgres psql --username postgres --dbname "$database" -qtAc \
    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")))
done
artifacts=$($compose run --rm --no-deps -T mlflow sh -c 'ls -A /var/lib/artifacts | wc -l')
[ "$tables" = 0 ] && [ "$artifacts" = 0 ] || {
  echo "The stack here holds something already, and nothing was changed. A restore needs an" >&2
  echo "empty one: back up what you want to keep; then '$compose down --volumes' removes all" >&2
  echo "that it holds, for good; then restore again." >&2
  exit 1
}

emptied() { # emptied WHAT_HAPPENED WHAT_TO_DO
  trap - ERR
  trap '' INT TERM HUP  # a second Ctrl-C does not leave half of it
  $compose down --volumes --timeout 5 >/dev/null 2>&1 || true
  echo "The restore $1, and what it had read is removed: the stack holds nothing, as before." >&2
  echo "$2 and restore again; $folder is unchanged." >&2
}
trap 'emptied failed "Free disk space or whatever the error above names,"' ERR
interrupted() { emptied "was interrupted" "Leave it time to end,"; }
trap 'interrupted; exit 130' INT
trap 'interrupted; exit 143' TERM
trap 'interrupted; exit 129' HUP
for database in $databases; do
  on_postgres pg_restore --username postgres --dbname "$database" --single-transaction \
    <"$folder/$database.dump"
done
$compose run --rm --no-deps -T mlflow tar -C /var/lib/artifacts -xz <"$folder/artifacts.tar.gz"
trap - ERR INT TERM HUP
$compose up --detach
echo "Restored from $folder. '$compose ps' tells when everyone is healthy: in a minute or two."
