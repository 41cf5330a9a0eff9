#!/usr/bin/env bash
# Makes sure that a Rust new enough and a C compiler are here; without one, installs Rust in .tools/, for this folder alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
toolchain=1.95.0
installer=1.28.2

# SHA-256 of https://static.rust-lang.org/rustup/archive/$installer/<target>/rustup-init
installer_sum() {
  case $1 in
    x86_64-unknown-linux-gnu) echo 20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c ;;
    aarch64-unknown-linux-gnu) echo e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c ;;
    x86_64-apple-darwin) echo 9c331076f62b4d0edeae63d9d1c9442d5fe39b37b05025ec8d41c5ed35486496 ;;
    aarch64-apple-darwin) echo 20ef5516c31b1ac2290084199ba77dbbcaa1406c45c1d978ca68558ef5964ef5 ;;
  esac
}

target() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64') echo x86_64-unknown-linux-gnu ;;
    'Linux aarch64') echo aarch64-unknown-linux-gnu ;;
    'Darwin x86_64') echo x86_64-apple-darwin ;;
    'Darwin arm64') echo aarch64-apple-darwin ;;
  esac
}

sha256() { if have sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1; }

download() {
  if have curl; then
    curl --proto '=https' --tlsv1.2 -fsSL --retry 3 -o "$2" "$1"
  else
    "$(scripts/python.sh)" -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' "$1" "$2"
  fi
}

rust_is_good() {
  have cargo && have rustc && at_least "$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1)" "$wanted"
}

need_compiler() {
  if have cc; then return; fi
  if can_install_packages; then
    install_packages build-essential pkg-config
  else
    die "no C compiler was found; Rust needs one to link." \
      "Debian, Ubuntu: sudo apt install build-essential pkg-config. macOS: xcode-select --install"
  fi
}

install_rust() {
  local triple sum folder
  triple=$(target)
  sum=$(installer_sum "$triple")
  [ -n "$sum" ] || die "Rust $wanted or newer is needed, and cannot be installed by itself on $(uname -sm)." \
    "See https://rust-lang.org/tools/install"
  say "no Rust $wanted or newer was found: installing $toolchain in .tools/rust (nothing outside this folder changes)"
  can_install_packages && [ ! -e /etc/ssl/certs/ca-certificates.crt ] && install_packages ca-certificates
  folder=$PWD/.tools/rust
  mkdir -p "$folder"
  download "https://static.rust-lang.org/rustup/archive/$installer/$triple/rustup-init" "$folder/rustup-init" ||
    die "Rust's installer could not be downloaded." "Install Rust $wanted or newer yourself: https://rust-lang.org/tools/install"
  [ "$(sha256 "$folder/rustup-init")" = "$sum" ] || die "Rust's installer is not the one that was expected." \
    "Remove $folder and try again, or install Rust yourself: https://rust-lang.org/tools/install"
  chmod +x "$folder/rustup-init"
  RUSTUP_HOME=$folder/rustup CARGO_HOME=$folder/home "$folder/rustup-init" -y -q --no-modify-path --profile minimal \
    --default-toolchain "$toolchain" --component clippy --component rustfmt > "$folder/log" 2>&1 ||
    { cat "$folder/log" >&2 && die "Rust could not be installed." "See https://rust-lang.org/tools/install"; }
  ln -sfn "rustup/toolchains/$toolchain-$triple/bin" "$folder/bin"
  rm "$folder/rustup-init"
}

need_compiler
rust_is_good || install_rust
rust_is_good || die "Rust $wanted or newer is needed; found: $(rustc --version 2>/dev/null || echo none)." \
  "Run 'rustup update', or see https://rust-lang.org/tools/install"
