#!/usr/bin/env bash
# Builds the engine's extension module and links the package into .venv, so that edits of Python need no new build.
# Takes maturin's options (`--release`). Offline for Python: every package came from a hashed lock file before.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

say "building the engine${1:+ ($1)}; the first time takes minutes"
# Whoever watches sees that it works; a log gets warnings and errors alone.
options=(--uv --locked)
if [ ! -t 2 ]; then
  export CARGO_TERM_QUIET=true
  options+=(--quiet)
fi
UV_OFFLINE=1 VIRTUAL_ENV=$PWD/.venv .tools/bin/maturin develop "${options[@]}" "$@"
