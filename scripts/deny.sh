#!/usr/bin/env bash
# Licences, sources and bans of the Rust dependencies (deny.toml), by cargo-deny where it is installed; continuous integration has it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

if ! cargo deny --version >/dev/null 2>&1; then
  say "cargo-deny is not installed: skipped (cargo install --locked cargo-deny)"
  exit 0
fi
cargo deny --log-level error --offline check bans licenses sources
