# Sourced by the scripts beside it: how they speak, and how a missing system package is installed.

say() { printf '==> %s\n' "$*" >&2; }

# die MESSAGE [HOW TO MEND IT]
die() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least VERSION WANTED: compares dotted numbers.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)" = "$2" ]
}

# Only root on Debian or a relative of it: everybody else is told what to install, and nothing is done behind their back.
can_install_packages() { [ "$(id -u)" = 0 ] && have apt-get; }

apt_lists_are_fresh=
install_packages() {
  say "installing $* with apt-get"
  if [ -z "$apt_lists_are_fresh" ]; then
    apt-get update -qq >&2
    apt_lists_are_fresh=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
