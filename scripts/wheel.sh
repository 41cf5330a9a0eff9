#!/usr/bin/env bash
# Builds the wheel of this platform in dist/ (stable ABI: one for Python 3.11 and newer), and tries it as a user would: in an empty
# environment without the sources, it must start and answer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

options=(--release --locked --out dist)
if [ "$(uname -s)" = Linux ]; then
  .tools/bin/uv pip install --quiet --python .tools/bin/python --require-hashes -r requirements/wheel.txt
  options+=(--zig --compatibility manylinux2014)
fi
rm -rf dist
say "building the wheel"
.tools/bin/maturin build --quiet "${options[@]}"

trial=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait; rm -rf "$trial"' EXIT
say "trying $(cd dist && echo ./*.whl)"
.tools/bin/uv venv --quiet --python .tools/bin/python "$trial/venv"
.tools/bin/uv pip install --quiet --python "$trial/venv/bin/python" --require-hashes -r requirements/runtime.txt
.tools/bin/uv pip install --quiet --python "$trial/venv/bin/python" --no-deps dist/*.whl

export HEADWORKS_HOME=$trial/home
HEADWORKS_PORT=$("$trial/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HEADWORKS_PORT
cd "$trial"
venv/bin/headworks up --no-discovery > log 2>&1 &
server=$!
for _ in $(seq 100); do
  venv/bin/headworks status > /dev/null 2>&1 && break
  kill -0 "$server" || { cat log >&2; die "the wheel's Headworks ended at its start."; }
  sleep 0.2
done
venv/bin/python - <<'PYTHON'
"""One request to the demo model, by the standard library alone."""

import json
import os
import pathlib
import urllib.request

credentials = json.loads((pathlib.Path(os.environ["HEADWORKS_HOME"]) / "credentials.json").read_text())
request = urllib.request.Request(
    credentials["endpoint"] + "/chat/completions",
    json.dumps({"model": "headworks/echo", "messages": [{"role": "user", "content": "wheel"}]}).encode(),
    {"content-type": "application/json", "authorization": "Bearer " + credentials["api_key"]},
)
answer = json.load(urllib.request.urlopen(request, timeout=10))
assert "wheel" in answer["choices"][0]["message"]["content"], answer
PYTHON
say "the wheel works: $(cd "$OLDPWD" && echo dist/*.whl)"
