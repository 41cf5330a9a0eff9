#!/usr/bin/env bash
# The servers and the shells that the tests run on: installs Debian's where it may, and says what is missing where it may not. The tests
# start their own, in temporary folders on free ports; a server that the packages start by themselves is neither used nor needed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

have_postgresql() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
have_mariadb() { have mariadbd || [ -x /usr/sbin/mariadbd ]; }

have_rabbitmq() { have rabbitmq-server || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; }
have_swift() { have swift-proxy-server && have swift-account-server && have swift-container-server && have swift-object-server; }

missing=()
have_postgresql || missing+=(postgresql)
have_mariadb || missing+=(mariadb-server)
have_rabbitmq || missing+=(rabbitmq-server)
have redis-server || missing+=(redis-server)
have pgbouncer || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
have_swift || missing+=(swift-proxy swift-account swift-container swift-object)
have memcached || missing+=(memcached)
have nginx || [ -x /usr/sbin/nginx ] || missing+=(nginx)
have ip || [ -x /usr/sbin/ip ] || missing+=(iproute2)
have zsh || missing+=(zsh)
have fish || missing+=(fish)
[ ${#missing[@]} -gt 0 ] || exit 0
if can_install_packages && install_packages "${missing[@]}"; then
  exit 0
fi
say "not installed: ${missing[*]}. What is tested on them is left out, and the tests say so at their end" \
  "(Debian, Ubuntu: apt install ${missing[*]})"
