#!/bin/sh
# SHA-256 of files, or --check FILE: by the command that Linux has, or macOS.
if command -v sha256sum >/dev/null; then exec sha256sum "$@"; else exec shasum -a 256 "$@"; fi
