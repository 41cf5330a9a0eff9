#!/usr/bin/env bash
# What `make check` runs: all of it, and what the failing steps wrote, so that one run shows everything.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

bin=.venv/bin
failed=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

step() {
  local name=$1 started=$SECONDS
  shift
  if "$@" > "$output" 2>&1; then
    say "$name: good ($((SECONDS - started)) s)"
  else
    cat "$output"
    say "$name: FAILED"
    failed+=("$name")
  fi
}

step 'ruff' $bin/ruff check --quiet .
step 'ruff format' $bin/ruff format --quiet --check .
step 'mypy' $bin/mypy
step 'stub of the engine' $bin/stubtest headworks._engine
step 'import contracts' $bin/lint-imports
step 'rustfmt' cargo fmt --all --check
step 'clippy' cargo clippy --workspace --all-targets --features headworks-engine/python --locked --quiet -- -D warnings
if have cargo-deny; then
  step 'cargo-deny' cargo deny --log-level error --offline check bans licenses sources
else
  say "cargo-deny: not installed, left out (cargo install --locked cargo-deny); the workflow has it"
fi
# Files share what takes long to make, so that each stays in one process; more than two take the machine from its people.
[ "${1:-}" = --tested ] || step 'unit tests' $bin/python -m pytest -q -n 2 --dist loadfile tests/unit tests/architecture
step 'the API breaks no client' $bin/python scripts/compatible.py
step 'wire format' $bin/python scripts/wire.py --check
step 'lock files' scripts/locks.py
step 'links' scripts/links.py
step 'shell' bash -n scripts/*.sh .ci/run

[ ${#failed[@]} = 0 ] || die "make check: failed: ${failed[*]}"
