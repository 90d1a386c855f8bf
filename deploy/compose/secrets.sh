#!/usr/bin/env bash
# Makes the secrets of compose.yaml, each once, in the folder `secrets` beside it, and the
# file `.env` that tells Compose which group may read them.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

umask 027
mkdir -p secrets/passwords
# The containers read the files as members of this group.
printf 'SECRETS_GROUP=%s\n' "$(id -g)" >.env

# once NAME COMMAND…: writes what the command prints, unless the file is there.
once() {
  local file="secrets/$1"
  shift
  [ -s "$file" ] || "$@" >"$file"
}

uri() {
  printf 'mongodb://%s:%s@mongo:27017/?replicaSet=rs0&authSource=admin\n' "$1" "$(cat "secrets/passwords/$2")"
}

# Without a line end, which back ends would take for a part of it.
secret() {
  openssl rand -base64 48 | tr -d '\n'
}

once mongo-keyfile openssl rand -base64 756
once mongo-root openssl rand -hex 24
once passwords/serve openssl rand -hex 24
once passwords/migrate openssl rand -hex 24
once mongodb-uri uri chatzz serve
once mongodb-uri-migrate uri chatzz-migrate migrate
once jwt-secret secret
once nats-password openssl rand -hex 24
once nats-url printf 'nats://chatzz:%s@nats:4222\n' "$(cat secrets/nats-password)"
once nats.conf printf 'authorization { users = [ { user: chatzz, password: "%s"\n  permissions: { publish: "chatzz.>", subscribe: "chatzz.>" } } ] }\n' "$(cat secrets/nats-password)"
once grafana-password openssl rand -hex 12

printf 'The secrets are in %s/secrets. Your back end signs its tokens with jwt-secret.\n' "$PWD"
