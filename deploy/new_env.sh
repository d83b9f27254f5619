#!/usr/bin/env bash
# Print the .env that is given, or none, completed from .env.example: what is missing is added, empty
# passwords are filled at random, and MNIST's place if it is known.
set -euo pipefail

example=$(dirname "$0")/../.env.example
mnist=
complete() {
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      ANN_MNIST_PATH=) line+=$mnist ;;
      *_PASSWORD=) line+=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n') ;;
    esac
    printf '%s\n' "$line"
  done
}

if [ $# = 0 ]; then
  mnist=${ANN_MNIST_PATH:-}
  complete <"$example"
else
  complete <"$1"
  grep -E '^[A-Z_0-9]+=' "$example" | while IFS= read -r line; do
    grep -q "^${line%%=*}=" "$1" || printf '%s\n' "$line"
  done | complete
fi
