#!/usr/bin/env bash
# Resolves every dependency anew and writes the lock files: hashes, and no address of a registry.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# A version that is younger than this may be one that its author did not publish.
cool_down_days=7
uv=.tools/bin/uv

compile() {
  local output=requirements/$1.txt
  shift
  say "$output"
  "$uv" pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
    --exclude-newer "$cool_down_days days" \
    --custom-compile-command 'make lock' -o "$output" "$@"
}

compile tools requirements/tools.in
compile node requirements/node.in
compile wheel requirements/wheel.in
# With the drivers of every server: `make up` takes any URL, and the tests run on all of them. Without what is large and
# few need: Parquet.
compile runtime pyproject.toml --extra postgresql --extra mysql --extra grpc --extra rabbitmq --extra redis --extra objects
compile dev pyproject.toml --all-extras --group test --constraints requirements/runtime.txt

say "Cargo.lock"
cargo update --quiet
cargo update --quiet --manifest-path engine/fuzz/Cargo.toml

say "tests/e2e/node/package-lock.json"
before=$(.venv/bin/python -c "import datetime as d; print(d.date.today() - d.timedelta(days=$cool_down_days))")
(cd tests/e2e/node && rm -f package-lock.json &&
  npm install --package-lock-only --ignore-scripts --loglevel=error --before "$before")

scripts/locks.py
