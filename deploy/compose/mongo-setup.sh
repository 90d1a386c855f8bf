#!/usr/bin/env bash
# Runs once beside MongoDB: makes the replica set and the accounts of chatzz. It may run again.

set -euo pipefail

administrator="mongodb://root:$(cat /run/secrets/mongo-root)@mongo:27017/?authSource=admin"

mongosh "$administrator&directConnection=true" --quiet --eval '
  try {
    rs.status();
  } catch (error) {
    if (error.codeName !== "NotYetInitialized") throw error;
    rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
  }
  while (!db.hello().isWritablePrimary) sleep(250);
  print("the replica set is ready");
'
exec mongosh "$administrator&replicaSet=rs0" --quiet --file /setup/accounts.js
