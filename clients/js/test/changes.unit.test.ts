import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Message } from '../src/index.js';
import { BOB, FakeServer, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

/** Removes what a message says; the message as it is then. */
function redact(message: Message, rev: number): Message {
  const redacted = { ...message, message: '', redacted: true, rev };
  server.history[server.history.indexOf(server.history.find(({ seq }) => seq === message.seq)!)] = redacted;
  server.contact.rev = rev;
  return redacted;
}

test('a message that is removed is shown so at once, in its place and as the last one', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const [first, second] = [server.say(BOB, 'one'), server.say(BOB, 'two')];
  const heard: Message[] = [];
  chat.on('changed', (messages) => heard.push(...messages));

  server.push('message-changed', redact(second, 1));
  server.push('message-changed', redact(second, 1));

  assert.deepEqual(bob.messages.map(({ message }) => message), ['one', '']);
  assert.equal(bob.last?.redacted, true);
  assert.deepEqual(heard.map(({ rev }) => rev), [1], 'once');
  server.push('message-status-changed', { ...second, status: 'read' });
  assert.deepEqual([bob.last?.message, bob.last?.status], ['', 'read'], 'an older state brings nothing back');
  assert.equal(bob.messages[0], first);
});

test('what was removed while there was no connection is fetched at the next login', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const [first] = [await chat.send(BOB, 'one'), server.say(BOB, 'two')];
  server.cut();
  redact(first, 3);

  await until(() => bob.messages[0]?.message === '');

  assert.deepEqual(server.payloads('get-changes').map(({ afterRev }) => afterRev), [0]);
  server.cut();
  await until(() => server.payloads('connect-user').length === 3 && chat.isConnected());
  assert.equal(server.payloads('get-changes').length, 1, 'not twice');
});

test('of many changes only the last one is announced, and the others are fetched', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const said = [1, 2, 3].map((number) => server.say(BOB, String(number)));
  const redacted = said.map((message, index) => redact(message, index + 1));

  server.push('message-changed', redacted[2]);

  await until(() => bob.messages.every(({ message }) => message === ''));
  assert.deepEqual(server.payloads('get-changes').map(({ afterRev }) => afterRev), [0]);
});

test('a message that arrives after its change is shown as it is now', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.say(BOB, 'before');
  const late = server.store(BOB, 'secret');
  server.push('message-changed', redact(late, 1));

  server.push('new-message', late);

  await until(() => bob.messages.length === 2);
  assert.deepEqual(bob.messages.map(({ message }) => message), ['before', '']);
});
