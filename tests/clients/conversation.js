'use strict';
// One whole conversation between two people who have never met, through an official JavaScript client.
//
//   node conversation.js --client sio4 --transport websocket --url http://127.0.0.1:3000 --alice ID --bob ID
//
// `--client` is sio1, sio2, sio3 or sio4 (the aliases in package.json), `--transport` websocket or polling.
// `--text` replaces the non-ASCII text, which socket.io-client 1.7 cannot send over polling without encoding it twice.
// `--alice-token` and `--bob-token` go into the handshake. Prints {"ok":true,"steps":N}, or names the failed step and exits 1.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { parseArgs } = require('node:util');

const { Person } = require('./person.js');

const STEP_TIMEOUT_MS = 5000;

const text = { type: 'string' };
const { values: options } = parseArgs({
  options: {
    client: text, transport: text, url: text, alice: text, bob: text, text: text, 'alice-token': text, 'bob-token': text,
  },
});
for (const name of ['client', 'transport', 'url', 'alice', 'bob']) {
  if (!options[name]) fail('arguments', new Error(`--${name} is missing`));
}
for (const [name, known] of [['client', ['sio1', 'sio2', 'sio3', 'sio4']], ['transport', ['websocket', 'polling']]]) {
  if (!known.includes(options[name])) fail('arguments', new Error(`--${name} is one of ${known.join(', ')}`));
}

const GREETING = options.text ?? 'grüße 👋 здравствуй';

let current = 'start';
let steps = 0;

/** Runs one named step and gives it at most five seconds. */
async function step(name, run) {
  current = name;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${STEP_TIMEOUT_MS} ms`)), STEP_TIMEOUT_MS);
  });
  try {
    const result = await Promise.race([run(), late]);
    steps += 1;
    return result;
  } finally {
    clearTimeout(timer);
  }
}

function fail(name, error) {
  console.log(JSON.stringify({ ok: false, step: name, steps, error: String(error?.message ?? error) }));
  process.exit(1);
}

function assertMessage(message, expected) {
  for (const key of ['_id', 'createdAt', 'from', 'to', 'message', 'status', 'chatRoomId', 'seq']) {
    assert.ok(key in message, `a message has ${key}`);
  }
  assert.match(message.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(message[key], value, `the message's ${key}`);
}

function assertNothingSecret(person) {
  const all = JSON.stringify(person.envelopes);
  for (const secret of ['"email"', '"password"', '$2b$']) {
    assert.ok(!all.includes(secret), `${secret} never leaves the server`);
  }
}

async function meet(alice, bob) {
  for (const person of [alice, bob]) {
    await step(`${person.name} opens a socket`, () => person.open());
    await step(`${person.name} is connected`, async () => {
      const result = await person.call('connect-user', { userId: person.id, deliveryAcks: true, protocol: 3 });
      assert.equal(String(result.userId), String(person.id));
      assert.equal(result.status, 'online');
      assert.ok(!Number.isNaN(Date.parse(result.serverTime)), 'serverTime is a date');
      assert.ok('protocol' in result, 'the protocol is named');
    });
    await step(`${person.name} gets user-details`, async () => {
      const details = await person.envelope('user-details');
      assert.ok(person.is(details.user));
      assert.equal(details.status, 'online');
      assert.ok('lastOnline' in details);
      assert.equal(typeof details.missedMessages, 'object');
      const other = person === alice ? bob : alice;
      assert.ok(!details.connectedUsers.some((user) => other.is(user)), 'the two have never met: give a fresh pair');
    });
  }
  await step('alice adds bob', async () => {
    const added = await alice.call('add-chat-user', { userToAdd: bob.id });
    assert.ok(bob.is(added));
    assert.equal(added.status, 'online');
    assert.equal(added.unreadCount, 0);
    assert.ok(added.chatRoomId);
  });
  await step('bob gets chat-user-added', async () => {
    const added = await bob.envelope('chat-user-added', (data) => alice.is(data));
    assert.equal(added.status, 'online');
    for (const key of ['chatRoomId', 'addedBy', 'addedAt', 'lastOnline']) assert.ok(key in added, key);
  });
  await step('adding again changes nothing', async () => {
    const again = await bob.call('add-chat-user', { userToAdd: alice.id });
    assert.ok(alice.is(again));
    assert.equal(alice.count('chat-user-added', () => true), 0);
  });
}

/** Sends, and sees the message arrive at both sides. */
async function say(from, to, message, seq, status = 'sent') {
  const clientId = randomUUID();
  const stored = await step(`${from.name} sends message ${seq}`, async () => {
    const answer = await from.call('send-message', { userId: to.id, message, clientId });
    assertMessage(answer, { message, seq, status, clientId });
    assert.ok(from.is(answer.from) && to.is(answer.to), 'from and to are user details');
    return answer;
  });
  for (const person of status === 'sent' ? [from, to] : [from]) {
    await step(`${person.name} sees message ${seq}`, async () => {
      assertMessage(await person.envelope('new-message', (data) => data._id === stored._id), { message, seq, status });
    });
  }
  return stored;
}

async function talk(alice, bob) {
  const first = await say(alice, bob, GREETING, 1);
  await step('the same clientId is a duplicate', async () => {
    const again = await alice.call('send-message', { userId: bob.id, message: GREETING, clientId: first.clientId });
    assert.equal(again._id, first._id);
    assert.equal(again.duplicate, true);
  });
  await step('the same clientId with another text is a conflict', () => alice.refused(
    'send-message', { userId: bob.id, message: 'other', clientId: first.clientId }, 'client-id-conflict',
  ));
  await say(bob, alice, `${GREETING}!`, 2);
  await step('bob reads one message', async () => {
    assertMessage(await bob.call('message-read', { messageId: first._id }), { _id: first._id, status: 'read' });
  });
  await step('alice learns that it was read', () => alice.envelope(
    'message-status-changed', (data) => data._id === first._id && data.status === 'read',
  ));
  await step('the sender cannot read for the receiver', () => alice.refused(
    'message-read', { messageId: first._id }, 'message-not-found',
  ));
  await say(alice, bob, 'third', 3);
  const fourth = await say(alice, bob, 'fourth', 4);
  await step('bob reads up to the fourth', async () => {
    assert.deepEqual(await bob.call('message-read', { userId: alice.id, upTo: 4 }), { read: 2 });
  });
  await step('alice learns of the range', async () => {
    const changed = await alice.envelope('message-status-changed', (data) => data._id === fourth._id && data.status === 'read');
    assert.ok(changed.range.from <= 3 && changed.range.to === 4, `range ${JSON.stringify(changed.range)}`);
  });
  await step('reading again reads nothing', async () => {
    assert.deepEqual(await bob.call('message-read', { userId: alice.id, upTo: 4 }), { read: 0 });
  });
}

async function lookBack(alice, bob) {
  const seqs = (messages) => messages.map((message) => message.seq);
  await step('the history is in the ack', async () => {
    const page = await bob.call('get-old-messages', { userId: alice.id });
    assert.deepEqual(seqs(page.messages), [1, 2, 3, 4]);
    assert.equal(page.hasMore, false);
    assertMessage(page.messages[0], { message: GREETING, status: 'read' });
  });
  await step('the history comes in pages', async () => {
    const newest = await bob.call('get-old-messages', { userId: alice.id, limit: 2 });
    assert.deepEqual([seqs(newest.messages), newest.hasMore], [[3, 4], true]);
    const older = await bob.call('get-old-messages', { userId: alice.id, before: 3 });
    assert.deepEqual([seqs(older.messages), older.hasMore], [[1, 2], false]);
    const newer = await bob.call('get-old-messages', { userId: alice.id, after: 1, limit: 2 });
    assert.deepEqual([seqs(newer.messages), newer.hasMore], [[2, 3], true]);
    assert.equal(bob.count('old-messages', () => true), 0, 'with an ack the page comes in the ack alone');
  });
  await step('without an ack the history is an envelope', async () => {
    bob.socket.emit('get-old-messages', { userId: alice.id });
    assert.deepEqual(seqs(await bob.envelope('old-messages')), [1, 2, 3, 4]);
  });
}

async function talkNonsense(alice, bob) {
  await step('an unknown event is a bad request', () => alice.refused('no-such-event', { userId: bob.id }, 'bad-request'));
  for (const payload of [42, null, 'text', [], {}, { userId: bob.id, message: 7 }, { userId: { $ne: 1 }, message: 'x' }]) {
    const name = `send-message ${JSON.stringify(payload)} is a bad request`;
    await step(name, () => alice.refused('send-message', payload, 'bad-request'));
  }
  for (const event of ['send-message', 'no-such-event']) {
    await step(`${event} with nonsense and no ack is an error envelope`, async () => {
      alice.socket.emit(event, 42);
      const error = await alice.envelope('error', (data) => data.event === event);
      assert.equal(error.code, 'bad-request');
      assert.equal(typeof error.message, 'string');
    });
  }
}

async function missAndCatchUp(alice, bob) {
  await step('bob leaves and alice sees bob offline', async () => {
    bob.socket.disconnect();
    const changed = await alice.envelope('chat-user-status-changed', (data) => bob.is(data.user) && data.status === 'offline');
    assert.ok(!Number.isNaN(Date.parse(changed.lastOnline)), 'lastOnline is a date');
  });
  const missed = await say(alice, bob, `${GREETING}?`, 5, 'not_sent');
  await step('bob opens another socket', () => bob.open());
  await step('bob finds what was missed', async () => {
    await bob.call('connect-user', { userId: bob.id, deliveryAcks: true, protocol: 3 });
    const details = await bob.envelope('user-details');
    const found = (details.missedMessages[String(alice.id)] ?? []).filter((message) => message._id === missed._id);
    assert.equal(found.length, 1);
    assertMessage(found[0], { message: `${GREETING}?`, seq: 5, status: 'sent' });
    const contact = details.connectedUsers.find((user) => alice.is(user));
    assert.deepEqual([contact.status, contact.unreadCount, contact.lastMessage.seq], ['online', 1, 5]);
    assert.equal(String(contact.lastMessage.from), String(alice.id), 'ids alone inside lastMessage');
  });
  await step('alice learns that it was sent', () => alice.envelope(
    'message-status-changed', (data) => data._id === missed._id && data.status === 'sent',
  ));
  await step('alice sees bob online again', () => alice.envelope(
    'chat-user-status-changed', (data) => bob.is(data.user) && data.status === 'online',
  ));
}

async function main() {
  const [alice, bob] = ['alice', 'bob'].map((name) => new Person({
    name, id: options[name], token: options[`${name}-token`], client: options.client, transport: options.transport, url: options.url,
  }));
  await meet(alice, bob);
  await talk(alice, bob);
  await lookBack(alice, bob);
  await talkNonsense(alice, bob);
  await missAndCatchUp(alice, bob);
  await step('nothing came twice and nothing secret came', async () => {
    for (const person of [alice, bob]) {
      const ids = person.envelopes.filter((envelope) => envelope.type === 'new-message').map((envelope) => envelope.data._id);
      assert.equal(new Set(ids).size, ids.length);
      assertNothingSecret(person);
    }
  });
  console.log(JSON.stringify({ ok: true, steps }));
  // The process ends by itself once the goodbyes are out; over polling an exit would leave two ghosts online.
  for (const person of [alice, bob]) person.socket.disconnect();
}

for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, (error) => fail(current, error));
main().catch((error) => fail(current, error));
