#!/usr/bin/env bash
# Prints a Python that can build Headworks: 3.11 or newer, with `venv`. Installs Debian's where it may.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

suitable='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.14 python3.13 python3.12 python3.11 python3; do
    if [ -n "$candidate" ] && have "$candidate" && "$candidate" -c "$suitable" >/dev/null 2>&1; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

if ! find_python; then
  if can_install_packages; then
    install_packages python3 python3-venv
    find_python && exit 0
  fi
  die "no Python 3.11 or newer with its 'venv' module was found." \
    "Debian, Ubuntu: apt install python3 python3-venv. macOS: brew install python. Or name one: make PYTHON=/path/to/python3"
fi
