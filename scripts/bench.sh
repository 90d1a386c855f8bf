#!/usr/bin/env bash
# Measures chatzz beside the Node peer and the database alone, and writes
# docs/performance.md with its plots. `--quick` takes at most five minutes once
# everything is built; `--help` tells the other options.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release --package chatzz --package chatzz-load
exec "${CARGO_TARGET_DIR:-target}/release/chatzz-load" bench "$@"
