import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Message } from '../src/index.js';
import { ALICE, BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const seqs = (messages: readonly object[]) => messages.map((message) => (message as Message).seq);

test('unread counts what the other wrote, from the login on', async () => {
  server.store(BOB, 'one');
  server.store(BOB, 'two', { status: 'read' });
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  assert.equal(bob.unread, 1, 'as the login said');
  server.say(BOB, 'three');
  server.say(ALICE, 'four');
  server.say(BOB, 'five');
  assert.deepEqual([bob.unread, chat.unread], [3, 3]);

  const read = bob.markRead();
  assert.equal(bob.unread, 0, 'at once');
  await read;

  assert.deepEqual(server.payloads('message-read'), [{ userId: BOB, upTo: 5 }]);
  server.say(BOB, 'six');
  assert.equal(bob.unread, 1);
});

test('reads are gathered, and told again until the server knows', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.fail('message-read', 'lost', failure('unavailable'));
  for (const text of ['one', 'two', 'three']) {
    server.say(BOB, text);
    void bob.markRead();
  }
  await bob.markRead();

  assert.deepEqual(server.payloads('message-read').map(({ upTo }) => upTo), [3, 3, 3]);
});

test('a read that a disconnect interrupted is told after the next login', async () => {
  const chat = await server.login();
  server.say(BOB, 'one');
  void chat.conversation(BOB).markRead();
  chat.disconnect();
  await assert.rejects(chat.conversation(BOB).markRead(), { code: 'disconnected' });

  await chat.connect().ready();
  await until(() => server.payloads('message-read').length === 1);

  assert.deepEqual(server.payloads('message-read'), [{ userId: BOB, upTo: 1 }]);
});

test('reading on another device counts down here', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const [one, , three] = ['one', 'two', 'three', 'four'].map((text) => server.say(BOB, text));
  server.push('message-status-changed', { ...one, status: 'read' });
  assert.equal(bob.unread, 3);

  server.push('message-status-changed', { ...three, status: 'read', range: { from: 2, to: 3 } });

  assert.equal(bob.unread, 1);
  assert.deepEqual(bob.messages.map(({ status }) => status), ['read', 'read', 'read', 'sent']);
});

test('a status goes forward for every message of its range, and never back', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const told: number[][] = [];
  chat.on('status', (messages) => told.push(seqs(messages)));
  const mine = ['one', 'two'].map((text) => server.say(ALICE, text, { status: 'not_sent' }));
  server.say(BOB, 'his own');
  mine.push(server.say(ALICE, 'four', { status: 'not_sent' }));
  server.push('message-status-changed', { ...mine[1], status: 'read' });
  server.push('message-status-changed', { ...mine[2], status: 'sent', range: { from: 1, to: 4 } });
  server.push('message-status-changed', { ...mine[1], status: 'sent' });
  assert.deepEqual(bob.messages.map(({ status }) => status), ['sent', 'read', 'sent', 'sent']);
  server.push('message-status-changed', { ...mine[2], status: 'read', range: { from: 1, to: 4 } });

  assert.deepEqual(bob.messages.map(({ status }) => status), ['read', 'read', 'sent', 'read'], 'the other\'s own is not meant');
  assert.deepEqual(told, [[2], [1, 4], [1, 4]]);
  assert.equal(bob.last?.status, 'read');
});

test('reading one message by its id shows it as read', async () => {
  const chat = await server.login();
  const one = server.say(BOB, 'one');
  server.answer = () => ({ ...one, status: 'read', readAt: one.createdAt });

  assert.equal((await chat.readMessage(one._id)).status, 'read');

  assert.deepEqual([chat.conversation(BOB).messages[0]?.status, chat.unread], ['read', 0]);
});
