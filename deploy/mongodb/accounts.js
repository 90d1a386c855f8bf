// Makes the accounts of chatzz, and sets their rights and passwords anew when they are there.
//
//   CHATZZ_USER_DATABASE=app CHATZZ_DATABASE=chatzz \
//     PASSWORDS=/etc/chatzz/passwords mongosh "$ADMINISTRATOR" --file accounts.js
//
// In the folder PASSWORDS, `serve` holds the password of the account `chatzz`, with
// which the server runs, and `migrate` that of `chatzz-migrate`, with which `chatzz migrate`
// runs. Of the application's users, both may `find` and nothing else.

const fs = require('node:fs');
const setting = (name, otherwise) => process.env[name] || otherwise;

const database = setting('CHATZZ_DATABASE', 'chatzz');
const users = {
  db: setting('CHATZZ_USER_DATABASE', database),
  collection: setting('CHATZZ_USER_COLLECTION', 'users'),
};
const folder = setting('PASSWORDS', '/etc/chatzz/passwords');
const password = (name) => fs.readFileSync(`${folder}/${name}`, 'utf8').trim();

const own = ['chatusers', 'chatrooms', 'chatmessages', 'chatprivacy', 'chatzz_nodes', 'chatzz_events', 'chatzz_meta'];
const may = (actions) => own.map((collection) => ({ resource: { db: database, collection }, actions }));

const admin = db.getSiblingDB('admin');

const role = (name, privileges, roles) => {
  if (admin.getRole(name)) admin.updateRole(name, { privileges, roles });
  else admin.createRole({ role: name, privileges, roles });
};

const account = (user, pwd, roles) => {
  if (admin.getUser(user)) admin.updateUser(user, { pwd, roles });
  else admin.createUser({ user, pwd, roles });
};

role('chatzzReadsUsers', [{ resource: users, actions: ['find'] }], []);
role('chatzzServes', may(['find', 'insert', 'update', 'remove', 'listIndexes']), ['chatzzReadsUsers']);
role('chatzzMigrates', may(['createCollection', 'createIndex', 'dropIndex']), ['chatzzServes']);
account('chatzz', password('serve'), ['chatzzServes']);
account('chatzz-migrate', password('migrate'), ['chatzzMigrates']);

print(`chatzz reads ${users.db}.${users.collection}, and keeps its own in ${database}`);
