#!/usr/bin/env bash
# What `make check` runs: all of it, then the list of what failed, so that one run shows everything.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

bin=.venv/bin
failed=()

step() {
  local name=$1 started=$SECONDS
  shift
  if "$@"; then
    say "$name: good ($((SECONDS - started)) s)"
  else
    say "$name: FAILED"
    failed+=("$name")
  fi
}

step 'ruff' $bin/ruff check --quiet .
step 'ruff format' $bin/ruff format --quiet --check .
step 'mypy' $bin/mypy
step 'import contracts' $bin/lint-imports
step 'rustfmt' cargo fmt --all --check
step 'clippy' cargo clippy --workspace --all-targets --features headworks-engine/python --locked --quiet -- -D warnings
step 'cargo-deny' scripts/deny.sh
step 'unit tests' $bin/python -m pytest -q tests/unit tests/architecture
step 'lock files' scripts/locks.py
step 'links' scripts/links.py
step 'shell' bash -n scripts/*.sh .ci/run

[ ${#failed[@]} = 0 ] || die "make check: failed: ${failed[*]}"
