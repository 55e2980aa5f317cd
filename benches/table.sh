#!/bin/sh
# Runs the parser benchmark and JsSIP's on the same bytes, and prints one table.
# Needs Rust, Node 18 or later, and npm's registry the first time.
set -eu
cd "$(dirname "$0")"

# A folder of an older run could be mistaken for this one's.
rm -rf "${CARGO_TARGET_DIR:-target}"/criterion/*_spans_* "${CARGO_TARGET_DIR:-target}"/criterion/*_typed_*
cargo bench --bench parse -- --noplot >&2
[ -d jssip/node_modules/jssip ] || npm ci --prefix jssip --no-audit --no-fund >&2
node jssip/bench.js | node table.js
