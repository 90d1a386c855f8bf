/** What is fetched: after a loss, around holes, and further back. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { messageKey } from '../src/index.js';
import type { Chatzz, LastMessage, Message } from '../src/index.js';
import { ALICE, BOB, FakeServer, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const seqs = (messages: readonly object[]) => messages.map((message) => (message as Message).seq);
const statuses = (messages: readonly { status: string }[]) => messages.map(({ status }) => status);
const pages = () => server.payloads('get-old-messages');

/** Messages with some statuses as the server has them by now. */
function read(from: number, to: number, status: Message['status'] = 'read'): void {
  server.history = server.history.map((message) => (message.seq >= from && message.seq <= to ? { ...message, status } : message));
}

/** Loses the connection and waits for the next login. */
async function reconnect(chat: Chatzz): Promise<void> {
  server.cut();
  await until(() => chat.isConnected());
}

test('what the other read while the connection was away shows as read after it', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const announced: number[][] = [];
  chat.on('status', (messages) => announced.push(seqs(messages)));
  for (const from of [ALICE, BOB, ALICE, ALICE, ALICE]) server.say(from, 'text');
  server.push('message-status-changed', { ...server.history[0], status: 'read' });
  server.push('message-status-changed', { ...server.history[3], status: 'read' });
  read(1, 3);
  server.confirmed = 5;
  server.store(ALICE, 'from my telephone');

  await reconnect(chat);
  await until(() => bob.messages.length === 6 && announced.length === 3);

  assert.deepEqual(statuses(bob.messages), ['read', 'read', 'read', 'read', 'sent', 'sent'], 'and none goes back');
  assert.deepEqual(announced, [[1], [4], [2, 3]]);
  assert.deepEqual(pages(), [{ userId: BOB, after: 1, limit: 500 }], 'from the first that was not read, and what is new with it');
});

test('a conversation where all is read asks for nothing after a loss', async () => {
  const chat = await server.login();
  for (const from of [ALICE, BOB]) server.say(from, 'text', { status: 'read' });
  server.confirmed = 2;

  await reconnect(chat);
  await chat.getOldMessages({ userId: BOB, limit: 7 });

  assert.deepEqual(pages(), [{ userId: BOB, limit: 7 }]);
});

test('of very much that was never read, the newest thousand are asked for', async () => {
  const chat = await server.login();
  for (let seq = 1; seq <= 2500; seq += 1) server.say(ALICE, `${seq}`);
  read(1, 2400);

  await reconnect(chat);
  await until(() => pages().length === 2);
  await until(() => (chat.conversation(BOB).messages[2399] as Message).status === 'read');

  assert.deepEqual(pages().map(({ after }) => after), [1500, 2000]);
});

test('a position that a page leaves out is empty: what is behind it is shown, and nothing is asked for again', async () => {
  const chat = await server.login();
  const heard: number[] = [];
  chat.on('message', ({ seq }) => heard.push(seq));
  for (const seq of [1, 2]) server.say(BOB, `${seq}`);
  for (const seq of [5, 6, 1_000_000_000_000]) server.store(BOB, `${seq}`, { seq });
  server.push('new-message', server.history[4]);

  await until(() => heard.length === 5);
  server.say(BOB, 'next');

  const all = [1, 2, 5, 6, 1_000_000_000_000, 1_000_000_000_001];
  assert.deepEqual([heard, seqs(chat.conversation(BOB).messages)], [all, all]);
  assert.deepEqual(pages(), [{ userId: BOB, after: 2, limit: 500 }]);
});

test('a live message beyond a hole that the server has nothing for is shown after one question', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.say(BOB, 'one');
  const far = { ...server.store(BOB, 'far', { seq: 9 }) };
  server.history.pop();
  server.push('new-message', far);
  assert.deepEqual(seqs(bob.messages), [1]);

  await until(() => bob.messages.length === 2);
  server.store(BOB, 'ten', { seq: 10 });
  server.push('new-message', server.history[1]);

  assert.deepEqual(seqs(bob.messages), [1, 9, 10]);
  assert.equal(pages().length, 1);
});

test('what comes live while a hole is asked for is asked for in its turn, not taken for empty', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.say(BOB, 'one');
  server.store(BOB, 'two');
  server.say(BOB, 'three');
  const answer = server.answer.bind(server);
  let late = true;
  server.answer = (event, payload) => {
    const page = answer(event, payload);
    // Read before these two were stored.
    if (event === 'get-old-messages' && late) {
      late = false;
      server.store(BOB, 'four');
      server.say(BOB, 'five');
    }
    return page;
  };

  await until(() => bob.messages.length === 5);

  assert.deepEqual(pages().map(({ after }) => after), [1, 3]);
});

test('a newest message that no page has ends in one question at each login', async () => {
  const chat = await server.login();
  server.say(BOB, 'one', { status: 'read' });
  const withheld = { ...server.history[0], _id: 'f'.repeat(24), seq: 4, from: BOB, to: ALICE } as LastMessage;
  server.contact = { lastMessage: withheld };

  await reconnect(chat);
  await until(() => pages().length === 1);
  // Answered after everything that was asked for before.
  for (let turn = 0; turn < 5; turn += 1) await chat.getOldMessages({ userId: BOB, limit: 7 });

  assert.deepEqual(pages().filter(({ limit }) => limit !== 7), [{ userId: BOB, after: 1, limit: 500 }]);
  server.say(BOB, 'five', { seq: 5 });
  await until(() => chat.conversation(BOB).messages.length === 2);
});

test('a hole that shows in the moment in which another was filled is filled as well', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.say(BOB, 'one');
  server.store(BOB, 'two');
  const off = bob.subscribe(() => {
    if (bob.messages.length !== 3) return;
    off();
    server.store(BOB, 'four');
    server.say(BOB, 'five');
  });
  server.say(BOB, 'three');

  await until(() => bob.messages.length === 5);
});

test('older messages that are asked for before the login come before the missed ones', async () => {
  for (let seq = 1; seq <= 100; seq += 1) server.store(BOB, `${seq}`);
  server.confirmed = 50;
  const chat = server.client({ pageSize: 10 }).connect();
  const bob = chat.conversation(BOB);

  assert.equal(await bob.loadOlder(), true);

  assert.deepEqual(seqs(bob.messages), Array.from({ length: 60 }, (_, at) => at + 41));
  assert.deepEqual(pages(), [{ userId: BOB, before: 51, limit: 10 }]);
});

test('older messages end where the server has no more, also behind a hole', async () => {
  for (const seq of [4, 5, 6]) server.store(ALICE, `${seq}`, { seq });
  const chat = await server.login({ pageSize: 2 });
  const bob = chat.conversation(BOB);

  assert.deepEqual([await bob.loadOlder(), await bob.loadOlder()], [true, false]);

  assert.deepEqual([seqs(bob.messages), bob.hasOlder], [[4, 5, 6], false]);
  await bob.loadOlder();
  assert.equal(pages().length, 2);
});

test('a message that failed here and was stored all the same is shown once when history brings it', async () => {
  const failed = { clientId: 'my key', to: BOB, message: 'text', createdAt: '2026-11-20T00:00:00.000Z', status: 'failed', error: { code: 'internal', message: '' } };
  let kept: string | null = JSON.stringify([failed]);
  const storage = { getItem: () => kept, setItem: (_: string, value: string) => { kept = value; }, removeItem: () => { kept = null; } };
  server.store(ALICE, 'text', { clientId: 'my key' });
  const chat = await server.login({ storage });
  const bob = chat.conversation(BOB);
  assert.deepEqual(statuses(bob.messages), ['failed']);

  await bob.loadOlder();

  assert.deepEqual([statuses(bob.messages), bob.messages.map(messageKey)], [['sent'], ['my key']]);
  await until(() => kept === null);
});
