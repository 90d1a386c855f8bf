#!/usr/bin/env bash
# Makes what is handed out of one version, for this kind of processor:
#
#   scripts/release.sh x86_64-unknown-linux-gnu x86_64-unknown-linux-musl
#
# For each target, an archive with the program and `deploy`, and a list of what the program
# consists of (CycloneDX); at the end SHA256SUMS. They are in target/release-files.
#
# A target needs `rustup target add`, one with musl also `musl-gcc` (Debian: musl-tools).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$#" -eq 0 ]; then
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
# the same archive from the same commit
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
files=target/release-files
rm -rf "$files"
mkdir -p "$files"

for target in "$@"; do
  name="chatzz-$version-$target"
  cargo build --locked --profile dist --package chatzz --no-default-features --features jemalloc --target "$target"

  stage=$(mktemp -d)
  mkdir -p "$stage/$name"
  install -m 755 "target/$target/dist/chatzz" "$stage/$name/chatzz"
  cp LICENSE README.md CHANGELOG.md SECURITY.md .env.example "$stage/$name/"
  # without the secrets of somebody who tried compose.yaml here
  git archive HEAD deploy docs | tar -x -C "$stage/$name"
  tar --create --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --directory "$stage" "$name" | gzip --no-name --best >"$files/$name.tar.gz"
  rm -rf "$stage"

  scripts/sbom.py "$target" >"$files/$name.cdx.json"
done

(cd "$files" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
