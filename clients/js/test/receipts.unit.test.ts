import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Chatzz, LastMessage, Message } from '../src/index.js';
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

test('reads are gathered, and announced again until the server knows', async () => {
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

test('a read that a disconnect interrupted is announced after the next login', async () => {
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
  const announced: number[][] = [];
  chat.on('status', (messages) => announced.push(seqs(messages)));
  const mine = ['one', 'two'].map((text) => server.say(ALICE, text, { status: 'not_sent' }));
  server.say(BOB, 'his own');
  mine.push(server.say(ALICE, 'four', { status: 'not_sent' }));
  server.push('message-status-changed', { ...mine[1], status: 'read' });
  server.push('message-status-changed', { ...mine[2], status: 'sent', range: { from: 1, to: 4 } });
  server.push('message-status-changed', { ...mine[1], status: 'sent' });
  assert.deepEqual(bob.messages.map(({ status }) => status), ['sent', 'read', 'sent', 'sent']);
  server.push('message-status-changed', { ...mine[2], status: 'read', range: { from: 1, to: 4 } });

  assert.deepEqual(bob.messages.map(({ status }) => status), ['read', 'read', 'sent', 'read'], 'the other\'s own is not meant');
  assert.deepEqual(announced, [[2], [1, 4], [1, 4]]);
  assert.equal(bob.last?.status, 'read');
});

test('reading one message by its id shows it as read', async () => {
  const chat = await server.login();
  const one = server.say(BOB, 'one');
  server.answer = () => ({ ...one, status: 'read', readAt: one.createdAt });

  assert.equal((await chat.readMessage(one._id)).status, 'read');

  assert.deepEqual([chat.conversation(BOB).messages[0]?.status, chat.unread], ['read', 0]);
});

test('what was stored while the login was read is counted', async () => {
  for (const text of ['one', 'two']) server.store(BOB, text);
  const [, two] = server.history;
  server.contact = { unreadCount: 2, lastMessage: { ...two, from: BOB, to: ALICE } as LastMessage };
  server.store(BOB, 'three');

  const chat = await server.login();

  assert.deepEqual([seqs(chat.conversation(BOB).messages), chat.unread], [[1, 2, 3], 3]);
});

test('a count that is older than the missed messages beside it is not believed', async () => {
  server.store(BOB, 'one');
  server.contact = { unreadCount: 0 };

  assert.equal((await server.login()).unread, 1);
});

/** A login with 100 messages of Bob, the last ten not read, none of them shown. */
async function withUnshown(): Promise<Chatzz> {
  for (let seq = 1; seq <= 100; seq += 1) server.store(BOB, `${seq}`, { status: seq > 90 ? 'sent' : 'read' });
  server.confirmed = 100;
  const chat = await server.login();
  assert.deepEqual([chat.unread, chat.conversation(BOB).messages.length], [10, 0]);
  return chat;
}

function read(to: number): Message {
  server.history = server.history.map((message) => (message.seq <= to ? { ...message, status: 'read' } : message));
  return server.history[to - 1] as Message;
}

test('what another device reads of messages that are not shown is counted down', async () => {
  const chat = await withUnshown();
  server.push('message-status-changed', { ...read(95), range: { from: 91, to: 95 } });
  await until(() => chat.unread === 5);
  server.say(BOB, 'next');
  assert.equal(chat.unread, 6);
  assert.deepEqual(server.payloads('add-chat-user'), [{ userToAdd: BOB }]);

  server.push('message-status-changed', { ...read(97), range: { from: 96, to: 97 } });
  server.push('message-status-changed', { ...read(99), range: { from: 98, to: 99 } });
  await until(() => chat.unread === 2);
  server.push('message-status-changed', { ...read(100), status: 'read' });
  assert.equal(chat.unread, 1, 'a single one is counted down here');
  // once under way, once for what came meanwhile
  await until(() => server.payloads('add-chat-user').length >= 3);
  assert.equal(server.payloads('add-chat-user').length, 3);
});

test('when another device has read everything nobody has to be asked', async () => {
  const chat = await withUnshown();
  server.push('message-status-changed', { ...read(100), range: { from: 91, to: 100 } });

  assert.equal(chat.unread, 0);
  assert.equal(server.payloads('add-chat-user').length, 0);
});

test('what is read here of messages that are not shown is counted down once the server knows', async () => {
  const chat = await withUnshown();
  const answer = server.answer.bind(server);
  server.answer = (event, payload) => {
    if (event === 'message-read') read(payload.upTo);
    return answer(event, payload);
  };

  await chat.conversation(BOB).markRead(95);

  await until(() => chat.unread === 5);
});

test('what is read behind a hole counts once', async () => {
  const chat = await server.login();
  server.say(BOB, 'one');
  const two = server.store(BOB, 'two');
  const three = server.say(BOB, 'three');
  assert.equal(chat.unread, 1);
  server.push('message-status-changed', { ...three, status: 'read' });
  assert.equal(chat.unread, 1, 'it was not counted yet');

  await until(() => chat.conversation(BOB).messages.length === 3);

  assert.equal(chat.unread, 2);
  server.push('message-status-changed', { ...two, status: 'read', range: { from: 1, to: 2 } });
  assert.equal(chat.unread, 0);
});

test('what is read in the moment in which the server knows of the last is announced as well', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const answer = server.answer.bind(server);
  server.answer = (event, payload) => {
    // Called when the answer to the first one has been taken over.
    const off = payload.upTo === 1 ? bob.subscribe(() => {
      off();
      server.say(BOB, 'two');
      void bob.markRead();
    }) : () => {};
    return answer(event, payload);
  };
  server.say(BOB, 'one');
  void bob.markRead();

  await until(() => server.payloads('message-read').length === 2);

  assert.equal(server.payloads('message-read')[1].upTo, 2);
});
