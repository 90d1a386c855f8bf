import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Chatzz, Message } from '../src/index.js';
import { ALICE, BOB, FakeServer, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const seqs = (messages: readonly object[]) => messages.map((message) => (message as Message).seq);

/** The `seq` of each `message` event. */
function heard(chat: Chatzz): number[] {
  const all: number[] = [];
  chat.on('message', ({ seq }) => all.push(seq));
  return all;
}

test('a message that comes twice is shown and announced once, and confirmed both times', async () => {
  const chat = await server.login();
  const announced = heard(chat);
  const message = server.store(BOB, 'Hi');

  assert.ok(server.push('new-message', message));
  assert.ok(server.push('new-message', message));

  assert.deepEqual(announced, [1]);
  assert.deepEqual(chat.conversation(BOB).messages, [message]);
});

test('a hole is noticed and filled, and nothing behind it is announced before', async () => {
  const chat = await server.login();
  const announced = heard(chat);
  const lists: number[][] = [];
  chat.on('messages', (messages) => lists.push(seqs(messages)));
  server.say(BOB, 'one');
  for (const text of ['two', 'three']) server.store(BOB, text);
  server.say(BOB, 'four');
  assert.deepEqual(seqs(chat.conversation(BOB).messages), [1]);

  await until(() => announced.length === 4);

  assert.deepEqual(announced, [1, 2, 3, 4]);
  assert.deepEqual(lists, [[1], [2, 3, 4]]);
  assert.deepEqual(seqs(chat.conversation(BOB).messages), [1, 2, 3, 4]);
  assert.deepEqual(server.payloads('get-old-messages'), [{ userId: BOB, after: 1, limit: 500 }]);
});

test('messages that come in the wrong order are announced in the right one', async () => {
  const chat = await server.login();
  const announced = heard(chat);
  server.say(BOB, 'one');
  const [two, three] = [server.store(BOB, 'two'), server.store(ALICE, 'three')];
  server.fail('get-old-messages', 'lost');
  server.push('new-message', three);
  server.push('new-message', two);

  assert.deepEqual(announced, [1, 2, 3]);
  assert.deepEqual(chat.conversation(BOB).messages, server.history);
});

test('a hole that a loss left open is filled after the next login', async () => {
  const chat = await server.login();
  const announced = heard(chat);
  server.say(BOB, 'one');
  server.cut();
  for (let seq = 2; seq <= 1203; seq += 1) server.store(seq % 2 ? ALICE : BOB, `${seq}`);
  server.confirmed = 1203;

  await until(() => announced.length === 1203);

  assert.deepEqual(announced, server.history.map(({ seq }) => seq));
  assert.equal(server.payloads('get-old-messages').length, 3, 'page by page');
});

test('what was missed is shown, announced and confirmed', async () => {
  for (const text of ['one', 'two', 'three']) server.store(BOB, text, { status: 'not_sent' });
  server.confirmed = 1;
  const chat = server.client();
  const announced = heard(chat);
  const missed: number[][] = [];
  chat.on('missed', (messages, { userId }) => missed.push(seqs(messages)) && assert.equal(userId, BOB));

  await chat.connect().ready();
  await until(() => server.confirmed === 3);

  assert.deepEqual([announced, missed], [[2, 3], [[2, 3]]]);
  assert.deepEqual(server.payloads('message-delivered'), [{ userId: BOB, upTo: 3 }]);
  server.cut();
  await until(() => chat.isConnected());
  assert.deepEqual([announced, missed.length], [[2, 3], 1], 'they do not come again');
});

test('missed messages that were cut are fetched before they are confirmed', async () => {
  for (let seq = 1; seq <= 9; seq += 1) server.store(BOB, `${seq}`);
  server.contact = { missedFrom: 3, missedCount: 7 };
  const chat = server.client();
  const announced = heard(chat);

  await chat.connect().ready();
  await until(() => server.confirmed === 9);

  assert.deepEqual(announced, [3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(server.payloads('get-old-messages'), [{ userId: BOB, after: 2, limit: 500 }]);
});

test('one\'s own messages from another device between missed ones leave no hole', async () => {
  server.store(BOB, 'one');
  server.store(ALICE, 'from my telephone');
  server.store(BOB, 'three');
  const chat = await server.login();
  await until(() => chat.conversation(BOB).messages.length === 3);

  assert.deepEqual(chat.conversation(BOB).messages, server.history);
});

test('older messages are loaded page by page until the first', async () => {
  for (let seq = 1; seq <= 5; seq += 1) server.store(ALICE, `${seq}`);
  const chat = await server.login({ pageSize: 2 });
  const announced = heard(chat);
  const bob = chat.conversation(BOB);
  assert.deepEqual([bob.messages.length, bob.hasOlder, bob.last?.message], [0, true, '5']);

  assert.deepEqual(await Promise.all([bob.loadOlder(), bob.loadOlder()]), [true, true]);
  assert.deepEqual(seqs(bob.messages), [4, 5], 'two calls at once are one page');
  assert.equal(await bob.loadOlder(), true);
  assert.equal(await bob.loadOlder(), false);

  assert.deepEqual([seqs(bob.messages), bob.hasOlder], [[1, 2, 3, 4, 5], false]);
  assert.deepEqual(announced, [], 'history is not new');
  assert.deepEqual(server.payloads('get-old-messages').map(({ before }) => before), [6, 4, 2]);
});

test('one\'s own message behind a hole stays on the screen', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.say(BOB, 'one');
  server.store(BOB, 'unheard');
  server.fail('get-old-messages', 'lost');
  await bob.send('mine');

  assert.deepEqual(bob.messages.map(({ message }) => message), ['one', 'mine']);
  await until(() => bob.messages.length === 3);
  assert.deepEqual(bob.messages.map(({ message }) => message), ['one', 'unheard', 'mine']);
});

test('presence and new contacts are shown and announced', async () => {
  server.met = false;
  const chat = await server.login();
  const announced: unknown[] = [];
  chat.on('contact-added', ({ _id }, { userId }) => announced.push([_id, userId]));
  chat.on('presence', ({ user, status }) => announced.push([user._id, status]));
  assert.deepEqual(chat.conversations, []);

  const lastOnline = '2026-11-21T00:00:00.000Z';
  const carol = { _id: 7, chatRoomId: 'other', status: 'online', lastOnline: null, addedBy: 7, addedAt: lastOnline };
  server.push('chat-user-added', carol);
  server.push('chat-user-status-changed', { user: { _id: 7, name: 'Carol' }, status: 'offline', lastOnline });

  assert.deepEqual(announced, [[7, '7'], [7, 'offline']]);
  const conversation = chat.conversation('7');
  assert.deepEqual(chat.conversations, [conversation]);
  assert.deepEqual([conversation.presence, conversation.snapshot().lastOnline, conversation.contact?.name], ['offline', lastOnline, 'Carol']);
  assert.equal(conversation.hasOlder, false);
});

test('adding a contact opens the conversation', async () => {
  server.met = false;
  const chat = await server.login();

  const bob = await chat.addContact(BOB);

  assert.equal(bob, chat.conversation(BOB));
  assert.equal(bob.presence, 'online');
  await bob.send('Hello');
  assert.deepEqual(seqs(bob.messages), [1]);
});

test('the newest conversation is the first', async () => {
  const chat = await server.login();
  const carol = { _id: 'carol', chatRoomId: 'other', status: 'online', lastOnline: null, addedBy: ALICE, addedAt: '2026-11-20T12:00:00.000Z' };
  server.push('chat-user-added', carol);
  const order = () => chat.conversations.map(({ userId }) => userId);
  assert.deepEqual(order(), ['carol', BOB]);

  server.say(BOB, 'Hi');

  assert.deepEqual(order(), [BOB, 'carol']);
});

test('subscribers are called once for what happens at once, and a state stays the same object until then', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const before = bob.snapshot();
  assert.equal(bob.snapshot(), before);
  let [calls, all] = [0, 0];
  const off = bob.subscribe(() => { calls += 1; });
  chat.subscribe(() => { all += 1; });
  await Promise.resolve();
  server.say(BOB, 'one');
  server.say(BOB, 'two');
  assert.notEqual(bob.snapshot(), before);
  await Promise.resolve();
  assert.deepEqual([calls, all], [1, 1]);

  off();
  server.say(BOB, 'three');
  await Promise.resolve();
  assert.deepEqual([calls, all], [1, 2]);
});

test('an envelope that nobody knows is ignored, and an error envelope is announced', async () => {
  const chat = await server.login();
  const codes: string[] = [];
  chat.on('error', ({ code }) => codes.push(code));

  server.push('user-teleported', { user: BOB });
  server.push('error', { event: 'send-message', code: 'bad-request', message: 'no' });

  assert.deepEqual(codes, ['bad-request']);
  assert.ok(chat.isConnected());
});
