'use strict';
// A chat without any package, for where there is no npm: Socket.IO's protocol, as far as this needs it, on a bare
// WebSocket. A front end of your own uses chatzz-client or socket.io-client instead.

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const contacts = new Map(); // by id
const messages = new Map(); // by the contact's id: seq → message
const outbox = []; // {userId, message, clientId}, in the order written
const acks = new Map(); // id of a packet → callback
let users = [], me, current, socket, ready = false, packets = 0;

const idOf = (person) => String(person?._id ?? person);
const nameOf = (user) => user.firstName || user.username || idOf(user);
const listOf = (id) => messages.get(id) ?? messages.set(id, new Map()).get(id);

/** An event with its answer: error-first, as the protocol has it. */
function call(event, payload) {
  return new Promise((resolve, reject) => {
    const id = packets++;
    acks.set(id, ([error, result]) => (error ? reject(error) : resolve(result)));
    socket.send(`42${id}${JSON.stringify([event, payload])}`);
  });
}

/** One packet of Engine.IO, and inside it one of Socket.IO. */
function hear(packet) {
  const [, kind, id, rest] = /^(0|2|40|42|43|44)(\d*)(.*)$/s.exec(packet) ?? [];
  if (kind === '0') socket.send('40');
  else if (kind === '2') socket.send('3');
  else if (kind === '40') void login();
  else if (kind === '43') acks.get(Number(id))?.(JSON.parse(rest));
  else if (kind === '44') say(`refused: ${rest}`);
  else if (kind === '42') {
    const [, { type, data }] = JSON.parse(rest);
    if (id) socket.send(`43${id}[]`); // the message has arrived
    envelopes[type]?.(data);
    draw();
  }
}

function connect() {
  acks.clear();
  socket = new WebSocket(`${location.origin.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket&dialect=3`);
  socket.onmessage = ({ data }) => hear(data);
  socket.onclose = () => {
    ready = false;
    for (const entry of outbox) entry.busy = false;
    say('No connection, trying again …');
    setTimeout(connect, 2000);
  };
}

const login = () => call('connect-user', { userId: me._id, deliveryAcks: true, protocol: 3 }).then(() => {
  ready = true;
  say('');
  void flush();
  if (current) void open(current);
}, (error) => say(error.message));

function keep(message) {
  const other = idOf(message.from) === idOf(me) ? message.to : message.from;
  listOf(idOf(other)).set(message.seq, message);
}

const envelopes = {
  'user-details': ({ connectedUsers }) => connectedUsers.forEach(envelopes['chat-user-added']),
  'chat-user-added': (contact) => contacts.set(idOf(contact), { ...contacts.get(idOf(contact)), ...contact }),
  'chat-user-status-changed': ({ user, status }) => contacts.has(idOf(user)) && (contacts.get(idOf(user)).status = status),
  'new-message': keep,
  'message-status-changed': ({ range, ...newest }) => {
    const other = idOf(newest.from) === idOf(me) ? newest.to : newest.from;
    for (const message of listOf(idOf(other)).values()) {
      const concerned = range && message.seq >= range.from && message.seq <= range.to && idOf(message.from) === idOf(newest.from);
      if (concerned) message.status = newest.status;
    }
    keep(newest);
  },
};

/** Sends what waits, one after the other; after a loss again, under the same `clientId`, so that it is stored once. */
async function flush() {
  while (ready && outbox[0] && !outbox[0].busy) {
    const entry = outbox[0];
    const { busy, ...payload } = entry;
    entry.busy = true;
    // After a loss this never ends: the next login begins anew.
    await call('send-message', payload).then(keep, (error) => say(`not sent: ${error.message}`));
    outbox.shift();
    draw();
  }
}

async function open(id) {
  current = id;
  draw();
  const page = await call('get-old-messages', { userId: contacts.get(id)._id }).catch(({ message }) => say(message));
  page?.messages.forEach(keep);
  draw();
}

async function add(user) {
  const added = await call('add-chat-user', { userToAdd: user._id }).catch(({ message }) => say(message));
  if (!added) return;
  envelopes['chat-user-added'](added);
  await open(idOf(added));
}

const say = (text) => ($('state').textContent = text);

function element(tag, text, more = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...more });
}

function draw() {
  const others = users.filter((user) => idOf(user) !== idOf(me));
  $('people').replaceChildren(...others.map((user) => {
    const contact = contacts.get(idOf(user));
    const text = contact ? `${nameOf(user)} (${contact.status})` : `add ${nameOf(user)}`;
    const button = element('button', text, { type: 'button', onclick: () => (contact ? open(idOf(user)) : add(user)) });
    const item = element('li', '');
    item.append(button);
    return item;
  }));
  $('talk').hidden = !current;
  if (!current) return;
  $('other').textContent = nameOf(contacts.get(current));
  const stored = [...listOf(current).values()].sort((one, other) => one.seq - other.seq);
  const lines = stored.map(({ from, message, status }) => (idOf(from) === idOf(me) ? `you: ${message} (${status})` : `${nameOf(from)}: ${message}`));
  const waiting = outbox.filter(({ userId }) => String(userId) === current).map(({ message }) => `you: ${message} (waiting)`);
  $('log').replaceChildren(...[...lines, ...waiting].map((line) => element('p', line)));
  $('log').scrollTop = $('log').scrollHeight;
  const unread = stored.findLast(({ from, status }) => idOf(from) !== idOf(me) && status !== 'read');
  if (!unread || !ready || !document.hasFocus()) return;
  call('message-read', { userId: contacts.get(current)._id, upTo: unread.seq }).catch(() => {});
  for (const message of stored) if (idOf(message.from) !== idOf(me)) message.status = 'read';
}

$('composer').onsubmit = (event) => {
  event.preventDefault();
  const message = $('text').value;
  if (!message.trim()) return;
  $('text').value = '';
  outbox.push({ userId: contacts.get(current)._id, message, clientId: [...crypto.getRandomValues(new Uint32Array(4))].join('-') });
  draw();
  void flush();
};
addEventListener('focus', () => me && draw());

fetch('/demo/users').then((answer) => answer.json()).then((all) => {
  users = all;
  me = users.find(({ username }) => username === query.get('as'));
  if (me) {
    $('me').textContent = `You are ${nameOf(me)}`;
    connect();
    return draw();
  }
  $('people').append(...users.map((user) => {
    const item = element('li', '');
    item.append(element('a', nameOf(user), { href: `?as=${user.username}` }));
    return item;
  }));
});
