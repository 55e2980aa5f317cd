#!/usr/bin/env bash
# Builds packages for wasm32-unknown-unknown. For offhook-sip and offhook-core that is how we know
# that they need no sockets, no clock and no threads; npm/build.mjs builds offhook-web with it.
#
# usage: tools/wasm-build.sh [--small] [PACKAGE...] [-- CARGO_OPTION...]
#
# Without a package it builds offhook-sip and offhook-core. What follows `--` goes to `cargo build`.
#
# --small is for what people download. It builds the standard library along, for size, where its
# sources are (`rustup component add rust-src`), and leaves out what a panic would say: it stops the
# module all the same. docs/package-size.md has the figures.
#
# The wasm standard library comes from rustup where it is installed. Where it is not and cannot be
# (no rustup server in reach), a compiler is put together from Debian packages, by name, without
# touching /usr: rustc-web, its own library sources, and lld. That takes about 3 minutes and 1 GB
# once, in $OFFHOOK_WASM_TOOLCHAIN (default: target/wasm-toolchain).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WASM=wasm32-unknown-unknown
# The compiler may be another one than that of the native build, so nothing may be shared.
export CARGO_TARGET_DIR=${OFFHOOK_WASM_TARGET_DIR:-target/wasm}

packages=() options=() small=
while [ $# -gt 0 ]; do
  case $1 in
    --)
      shift
      options=("$@")
      break
      ;;
    --small) small=yes ;;
    *) packages+=("$1") ;;
  esac
  shift
done
[ ${#packages[@]} -gt 0 ] || packages=(offhook-sip offhook-core)

# Whether the compiler that cargo would use has the library of the wasm target.
has_target() {
  local library
  library=$(rustc --print target-libdir --target "$WASM" 2>/dev/null) || return 1
  compgen -G "$library/libstd-*.rlib" >/dev/null
}

# The package that Debian package $1 depends on and whose name matches $2.
depends() {
  apt-cache depends "$1" | sed -n -E "s/^ *Depends: ($2)\$/\1/p" | head -n 1
}

# Puts a compiler with the wasm target into the folder $1.
make_toolchain() {
  local root=$1/root debs=$1/debs library
  if [ ! -x "$root/usr/bin/rustc" ]; then
    echo "wasm: fetching rustc-web, its sources and lld from Debian into $1"
    mkdir -p "$debs" "$root"
    [ "$(id -u)" -ne 0 ] || apt-get update -qq || true
    # The web flavour of rustc is the newest that a stable Debian has: browsers are built with it.
    # The numbers in the names move with every update, so apt is asked for them.
    local llvm
    library=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')
    llvm=$(depends "$library" 'libllvm[0-9]+')
    local names=(rustc-web libstd-rust-web-dev rust-web-src "$library" "$llvm" "lld-${llvm#libllvm}")
    (cd "$debs" && apt-get download -qq -o APT::Sandbox::User=root "${names[@]}")
    local deb
    for deb in "$debs"/*.deb; do dpkg -x "$deb" "$root"; done
    rm -rf "$debs"
  fi
  use_toolchain "$root"

  # Its standard library for wasm is built once and put beside the native one. Building it asks for
  # an unstable flag of cargo; what is built with it afterwards does not.
  library=$root/usr/lib/rustlib/$WASM/lib
  if [ ! -d "$library" ]; then
    echo "wasm: building the standard library"
    local work
    work=$(mktemp -d)
    mkdir -p "$work/src"
    : >"$work/src/lib.rs"
    printf '[package]\nname = "std-for-wasm"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' \
      >"$work/Cargo.toml"
    (cd "$work" && RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" cargo build --quiet --release \
      -Zbuild-std=std,panic_abort --target "$WASM")
    mkdir -p "$library.new"
    cp "$work/target/$WASM"/release/deps/*.rlib "$library.new/"
    rm -f "$library.new"/libstd_for_wasm*
    mv "$library.new" "$library"
    rm -rf "$work"
  fi
}

# From here on in this process, cargo uses the compiler under $1. Nothing outlives the script.
use_toolchain() {
  local usr=$1/usr lld
  lld=$(compgen -G "$usr/lib/llvm-*/bin/wasm-ld" | head -n 1)
  export RUSTC=$usr/bin/rustc
  export LD_LIBRARY_PATH=$usr/lib/$(uname -m)-linux-gnu
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld
}

if ! has_target; then
  command -v apt-get >/dev/null || {
    echo "wasm: $WASM is not installed: run 'rustup target add $WASM'" >&2
    exit 1
  }
  toolchain=$(realpath -m "${OFFHOOK_WASM_TOOLCHAIN:-target/wasm-toolchain}")
  mkdir -p "$toolchain"
  make_toolchain "$toolchain"
fi

# Asks the compiler for as little code as it can make.
make_small() {
  # The flags that follow are unstable ones, which a stable compiler takes when it is told so.
  export RUSTC_BOOTSTRAP=1
  # No file names and lines in panics, no text from `Debug`, and the hash in loops, not unrolled.
  local flags='-Zlocation-detail=none -Zfmt-debug=none --cfg=sha2_backend_soft="compact"'
  # What is more than one word long is moved by one instruction, not word by word.
  flags+=' -Cllvm-args=--max-store-memcpy=1 -Cllvm-args=--max-store-memmove=1'
  local sources
  sources=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust/library
  if [ -f "$sources/std/Cargo.toml" ]; then
    flags+=' -Zunstable-options -Cpanic=immediate-abort'
    options+=(-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size)
  else
    echo "wasm: no sources of the standard library, so that the module becomes larger:" \
      "run 'rustup component add rust-src'" >&2
  fi
  export RUSTFLAGS="${RUSTFLAGS:-} $flags"
}

[ -z "$small" ] || make_small
echo "wasm: ${packages[*]} with $("${RUSTC:-rustc}" --version)"
arguments=()
for package in "${packages[@]}"; do arguments+=(--package "$package"); done
cargo build --locked --lib --target "$WASM" "${arguments[@]}" "${options[@]}"
