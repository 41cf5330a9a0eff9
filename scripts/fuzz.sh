#!/usr/bin/env bash
# fuzz.sh [SECONDS [TARGET...]]: runs each fuzz target of the engine for so long (default 60). What it finds lies in
# target/fuzz/<target>/. Coverage comes from LLVM's own pass, so that a stable toolchain is enough.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "fuzz.sh: '$seconds' is not a number of seconds" "say, for example: scripts/fuzz.sh 60"
shift || true
have c++ || die "fuzzing builds libFuzzer, which needs a C++ compiler" "on Debian: apt-get install g++"

fuzz=engine/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
coverage=(
  -Cpasses=sancov-module
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares
  -Ccodegen-units=1
  --cfg=fuzzing
)

# With a target named, the flags are not given to build scripts and macros.
RUSTFLAGS="${coverage[*]}" cargo build --quiet --release --locked --manifest-path "$fuzz/Cargo.toml" --bins \
  --target "$host" --target-dir "$fuzz/target"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in "$fuzz"/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

for target in "${targets[@]}"; do
  found=target/fuzz/$target
  mkdir -p "$found/corpus" "$fuzz/corpus/$target"
  say "fuzzing $target for $seconds s"
  if ! "$fuzz/target/$host/release/$target" -max_total_time="$seconds" -dict="$fuzz/openai.dict" -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$found/" "$found/corpus" "$fuzz/corpus/$target" >"$found/log" 2>&1; then
    tail -n 40 "$found/log" >&2
    die "fuzzing $target found a fault" "the input is in $found/; make it a test, then mend the code"
  fi
  say "$(grep -E '^Done ' "$found/log" || tail -n 1 "$found/log")"
done
