#!/usr/bin/env bash
# Builds the engine's extension module and links the package into .venv, so that edits of Python need no new build.
# Takes maturin's options (`--release`). Offline for Python: every package came from a hashed lock file before.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

say "building the engine${1:+ ($1)}; the first time takes minutes"
build=(.tools/bin/maturin develop --uv --locked "$@")
export UV_OFFLINE=1 VIRTUAL_ENV=$PWD/.venv
# Whoever watches sees that it works; otherwise only a failure is worth its pages.
if [ -t 2 ]; then
  "${build[@]}"
elif ! "${build[@]}" > .tools/engine.log 2>&1; then
  cat .tools/engine.log >&2
  die "the engine could not be built."
fi
