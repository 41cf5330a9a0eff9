#!/usr/bin/env bash
# The proofs in full, about an hour: what `make test` does in short. Stops at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

python=.venv/bin/python

say "the spool alone, killed 200 times"
HEADWORKS_KILLS=200 cargo test --locked --quiet --package headworks-engine spool
say "Headworks under load, killed 200 times: served by the upstream = records, none double"
$python -m tests.prove.kills --cycles 200
say "400 clients at once on one hard budget: no overshoot, all of it usable"
$python -m tests.prove.race --clients 400
say "400 clients at once over four gateways on a budget that pays for ten answers: no overshoot, all of it usable"
$python -m tests.prove.race --clients 400 --gateways 4 --worth 10
say "four gateways on one limit, three times its load, in memory and in Redis: no window holds more, 98 % of it used"
$python -m tests.prove.limits --windows 3
$python -m tests.prove.limits --windows 3 --redis
say "revocation to refusal, 100 times"
$python -m tests.prove.revocation --tries 100

say "directory to refusal, 100 times"
$python -m tests.prove.leavers --tries 100
say "a cluster of nine processes, each killed in turn, 200 times; and revocation on both gateways by either control plane, 100 times"
$python -m tests.prove.cluster --cycles 200 --tries 100
say "every process of a cluster restarted under load, 10 times over: no request fails"
$python -m tests.prove.rolling --rounds 10
say "two parts that do not hear each other, for 90 seconds each"
$python -m tests.prove.partitions --seconds 90
say "200 clients for 10 minutes, half of them leaving mid-stream"
$python -m tests.prove.soak --clients 200 --seconds 600
say "the management API, asked everything that its description allows and forbids"
$python -m tests.support.described --examples 400
say "every parser fuzzed for 2 minutes"
scripts/fuzz.sh 120
say "all proofs hold"
