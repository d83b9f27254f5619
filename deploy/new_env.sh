#!/usr/bin/env bash
# Print .env.example with every empty password filled at random, and MNIST's place if it is known.
set -euo pipefail

while IFS= read -r line; do
  case $line in
    *_PASSWORD=) line+=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n') ;;
    ANN_MNIST_PATH=) line+=${ANN_MNIST_PATH:-} ;;
  esac
  printf '%s\n' "$line"
done <"$(dirname "$0")/../.env.example"
