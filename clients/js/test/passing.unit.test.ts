/** What passes by and is not kept: typing, signals, who is around. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Chatzz, Contact } from '../src/index.js';
import { ALICE, BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

/** What Alice is announced about Bob's typing. */
function listen(chat: Chatzz): boolean[] {
  const announced: boolean[] = [];
  chat.on('typing', (typing, conversation) => {
    assert.equal(conversation.userId, BOB);
    announced.push(typing);
  });
  return announced;
}

const bobTypes = (milliseconds: number) =>
  server.push('user-typing', { user: { _id: BOB }, chatRoomId: 'room', until: new Date(Date.now() + milliseconds).toISOString() });

test('typing is shown until its end, which a repeat moves', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const announced = listen(chat);
  bobTypes(40);
  assert.equal(bob.typing, true);
  assert.equal(bob.snapshot().typing, true);
  bobTypes(150);
  await sleep(80);
  assert.equal(bob.typing, true, 'the first end has passed, the second not');

  await until(() => !bob.typing);

  assert.deepEqual(announced, [true, false]);
});

test('typing ends at once when the person stops, sends or goes', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const ends = [
    () => bobTypes(0),
    () => server.say(BOB, 'written'),
    () => server.push('chat-user-status-changed', { user: { _id: BOB }, status: 'offline', lastOnline: null }),
    () => chat.disconnect(),
  ];
  for (const end of ends) {
    bobTypes(60_000);
    assert.equal(bob.typing, true);
    end();
    await until(() => !bob.typing, `${end}`);
  }
});

test('what one writes oneself on another device does not end the typing of the other', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  bobTypes(60_000);
  server.say(ALICE, 'from my phone');

  assert.equal(bob.typing, true);
});

test('a time that is no time shows nothing', async () => {
  const chat = await server.login();
  server.push('user-typing', { user: { _id: BOB }, chatRoomId: 'room', until: 'soon' });

  assert.equal(chat.conversation(BOB).typing, false);
});

test('the end of typing is by the clock of the server', async () => {
  server.ahead = 3_600_000;
  const chat = await server.login();
  bobTypes(3_600_000 + 60_000);
  assert.equal(chat.conversation(BOB).typing, true);
  bobTypes(60_000);
  assert.equal(chat.conversation(BOB).typing, false, 'an hour ago, there');
});

test('keystrokes are gathered, an emptied field ends the typing, and a sent message begins anew', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  for (const text of ['H', 'He', 'Hel']) bob.keystroke(text);
  bob.keystroke('');
  bob.keystroke('  ');
  bob.keystroke('H');
  await bob.send('H');
  bob.keystroke('A');
  await until(() => server.payloads('typing').length === 4);

  assert.deepEqual(server.payloads('typing').map(({ userId, typing }) => [userId, typing]), [[BOB, true], [BOB, false], [BOB, true], [BOB, true]]);
});

test('keystrokes without a connection, or refused, disturb nobody', async () => {
  const errors: unknown[] = [];
  const chat = server.client();
  chat.on('error', (error) => errors.push(error));
  chat.conversation(BOB).keystroke('too early');
  await chat.connect().ready();
  server.fail('typing', failure('rate-limited'));
  chat.conversation(BOB).keystroke('');
  chat.conversation(BOB).keystroke('again');
  await until(() => server.payloads('typing').length === 2);

  assert.deepEqual(server.payloads('typing').map(({ typing }) => typing), [false, true]);
  assert.deepEqual(errors, []);
});

test('a signal is handed over once, and tells who is there', async () => {
  const chat = await server.login();
  assert.equal(await chat.signal(BOB, { wave: true }), true);
  server.fail('signal', 'ack-lost');
  await assert.rejects(chat.signal(BOB, 'again'), { code: 'timeout' });
  assert.deepEqual(server.payloads('signal'), [{ userId: BOB, data: { wave: true } }, { userId: BOB, data: 'again' }]);

  const got: unknown[] = [];
  chat.on('signal', (data, conversation) => got.push([data, conversation.userId]));
  server.push('user-signal', { userId: BOB, data: { call: 1 } });

  assert.deepEqual(got, [[{ call: 1 }, BOB]]);
});

test('a signal of the application is handed over', async () => {
  const chat = await server.login();
  const got: unknown[] = [];
  chat.on('appSignal', (data) => got.push(data));
  server.push('app-signal', { data: { order: 17 } });

  assert.deepEqual(got, [{ order: 17 }]);
});

test('those who are online are asked for page by page', async () => {
  const chat = await server.login();
  const { users, hasMore } = await chat.activeUsers();
  await chat.activeUsers({ after: BOB, limit: 10 });

  assert.deepEqual([users.map(({ _id }) => _id), hasMore], [[BOB], false]);
  assert.deepEqual(server.payloads('get-active-users'), [{}, { after: BOB, limit: 10 }]);
});

test('contacts that a login had no room for are fetched page by page', async () => {
  const contact = (_id: string) => ({ _id, chatRoomId: `room of ${_id}`, status: 'offline', lastOnline: null, addedBy: ALICE, addedAt: '2026-11-20T00:00:00.000Z', unreadCount: 0 }) as Contact;
  server.more = [[contact(BOB), contact('carol')], [contact('dave')]];
  const chat = await server.login();
  await until(() => chat.conversations.length === 3);

  assert.equal(chat.conversation('dave').contact?.status, 'offline');
  assert.equal(chat.conversation(BOB).contact?.status, 'online', 'the login contained it');
  assert.deepEqual(server.payloads('get-active-users'), [{ all: true, limit: 500 }, { all: true, limit: 500, after: 'carol' }]);
});

test('who added the user meanwhile is announced at the login, once', async () => {
  server.contact = { addedWhileAway: true };
  const chat = server.client();
  const added: string[] = [];
  chat.on('contact-added', (contact, conversation) => added.push(`${contact._id} ${conversation.userId}`));
  await chat.connect().ready();
  server.cut();
  await until(() => chat.isReconnecting());
  await chat.ready();

  assert.deepEqual(added, ['bob bob']);
  assert.equal('addedWhileAway' in (chat.conversation(BOB).contact ?? {}), false);
});
