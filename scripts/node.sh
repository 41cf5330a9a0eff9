#!/usr/bin/env bash
# Installs the Node packages of the end-to-end tests, and Node itself in .tools/ where none new enough is here.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# The `openai` package asks for it: "engines" in its package.json.
wanted=22

node_is_good() { have npm && at_least "$(node --version 2>/dev/null | tr -d v)" "$wanted"; }

if ! node_is_good; then
  say "no Node $wanted or newer was found: installing one in .tools/node"
  "$(scripts/python.sh)" -m venv --clear .tools/node
  .tools/bin/uv pip install -q --python .tools/node/bin/python --require-hashes -r requirements/node.txt
  export PATH=$PWD/.tools/node/bin:$PATH
fi
# npm believes only the authorities that Node brings along. A company may have one of its own, which the machine knows.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r "$bundle" ]; then export NODE_EXTRA_CA_CERTS=$bundle; fi
done
cd tests/e2e/node
npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2
