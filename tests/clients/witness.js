'use strict';
// One more socket of a user, by an official client that reconnects by itself. It writes what it sees as JSON lines,
// for the history of a fault run, until its input ends.

const [client, transport, url, userId] = process.argv.slice(2);
const loaded = require(client);
const connect = loaded.io ?? loaded;

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const socket = connect(url, {
  forceNew: true,
  transports: [transport],
  reconnection: true,
  reconnectionDelay: 100,
  reconnectionDelayMax: 500,
  timeout: 3000,
});
let logins = 0;
let open = false;

function logIn() {
  const login = ++logins;
  write({ e: 'invoke', event: 'connect-user', payload: { userId }, login });
  socket.emit('connect-user', { userId }, (error, result) => {
    // acks of a lost connection come to nothing
    if (login !== logins || !open) return;
    write({ e: 'answer', login, ...(error ? { error } : { ok: result }) });
    if (error) setTimeout(() => open && login === logins && logIn(), 300);
  });
}

socket.on('connect', () => {
  open = true;
  write({ e: 'open' });
  logIn();
});
socket.on('chatzz', ({ type, data }, confirm) => {
  write({ e: 'envelope', type, data });
  if (typeof confirm === 'function') confirm();
});
socket.on('disconnect', (reason) => {
  open = false;
  write({ e: 'close', how: 'lost' });
  // the server said so: official clients then stay away unless told otherwise
  if (reason === 'io server disconnect') setTimeout(() => socket.connect(), 300);
});

process.stdin.resume();
process.stdin.on('end', () => {
  if (open) write({ e: 'close', how: 'clean' });
  open = false;
  socket.removeAllListeners?.('disconnect');
  socket.disconnect();
  setTimeout(() => process.exit(0), 200);
});
