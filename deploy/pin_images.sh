#!/usr/bin/env bash
# Pull the base images and write their digests into .env, so that every build begins with the same.
set -euo pipefail
cd "$(dirname "$0")/.."

while read -r variable image; do
  docker pull --quiet "$image" >/dev/null
  digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$image")
  pinned=$image@${digest#*@}
  sed "s|^$variable=.*|$variable=$pinned|" .env >.env.unfinished
  chmod 600 .env.unfinished
  mv .env.unfinished .env
  echo "$variable=$pinned"
done <<'IMAGES'
PYTHON_IMAGE python:3.11-slim-bookworm
POSTGRES_IMAGE postgres:15-bookworm
IMAGES
