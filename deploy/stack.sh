#!/usr/bin/env bash
# Build and start the stack, train a first champion if there is none, and say where everything is.
set -euo pipefail
cd "$(dirname "$0")/.."
compose=${COMPOSE:-docker compose}

docker info >/dev/null 2>&1 || {
  echo "No Docker engine answers; start one, and see docs/stack.md." >&2
  exit 1
}

setting() { # setting NAME DEFAULT: as compose reads it, the environment first
  local found
  found=${!1:-$(sed -n "s/^$1=[\"']\{0,1\}\([^\"' ]*\).*/\1/p" .env 2>/dev/null | tail -n 1)}
  printf %s "${found:-$2}"
}

published() { # published SERVICE PORT: whether this stack listens there already
  $compose ps -q "$1" 2>/dev/null | xargs -r docker port 2>/dev/null | grep -q ":$2\$"
}

taken=
while read -r service variable default; do
  port=$(setting "$variable" "$default")
  [[ $port =~ ^[0-9]+$ ]] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || {
    echo "$variable is '$port'; set it in .env to a port between 1 and 65535." >&2
    exit 2
  }
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && ! published "$service" "$port"; then
    echo "Port $port is taken by another program. End it, or set $variable in .env to a free port." >&2
    taken=1
  fi
done <<'PORTS'
proxy ANN_PORT 8000
mlflow MLFLOW_PORT 5000
prefect PREFECT_PORT 4200
PORTS
[ -z "$taken" ] || exit 2

$compose build
$compose up --detach postgres
for _ in {1..90}; do
  $compose exec -T --user postgres postgres bash /docker-entrypoint-initdb.d/databases.sh \
    >/dev/null 2>&1 && ready=1 && break
  sleep 2
done
[ "${ready:-}" ] || {
  echo "PostgreSQL does not start; '$compose logs postgres' says why." >&2
  exit 1
}
$compose up --detach --remove-orphans
$compose exec -T -e TRAIN="${TRAIN:-}" worker python - <deploy/first_run.py
$compose ps
site=$(setting ANN_SITE "")
service=$([ "$site" ] && echo "https://$site" || echo http://127.0.0.1)
cat <<ADDRESSES

digits, API documentation   $service:$(setting ANN_PORT 8000)$(setting ANN_PREFIX "")/
runs and models, MLflow     http://127.0.0.1:$(setting MLFLOW_PORT 5000)
schedules, Prefect          http://127.0.0.1:$(setting PREFECT_PORT 4200)   sign in with: ann:PREFECT_PASSWORD of .env
ADDRESSES
