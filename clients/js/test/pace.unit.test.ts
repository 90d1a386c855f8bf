/** How much is asked for at the same time, and what follows from a server that wants a rest. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Contact } from '../src/index.js';
import { ALICE, BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

/** A login with so many conversations, in each of which something is to be fetched. */
function behind(conversations: number): void {
  const contact = { chatRoomId: 'room', status: 'online', lastOnline: null, addedBy: BOB, addedAt: '2026-11-20T00:00:00.000Z', unreadCount: 1, missedFrom: 1, missedCount: 1 };
  const lastMessage = { ...server.store(BOB, 'one'), from: BOB, to: ALICE };
  const connectedUsers = Array.from({ length: conversations }, (_, at) => ({ ...contact, _id: `c${at}`, lastMessage }) as Contact);
  server.push('user-details', { user: { _id: ALICE }, status: 'online', lastOnline: null, connectedUsers, missedMessages: {} });
}

/** A bucket of so many requests, which gets another one after so many ms each. */
function bucket(size: number, refill: number): () => boolean {
  let [left, at] = [size, Date.now()];
  return () => {
    const now = Date.now();
    left = Math.min(size, left + (now - at) / refill);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

test('a login with many conversations asks for eight at a time', async () => {
  const chat = await server.login();
  server.mostWaiting = 0;

  behind(50);
  await until(() => chat.conversations.filter(({ messages }) => messages.length === 1).length === 50);

  assert.equal(server.mostWaiting, 8);
  assert.equal(server.payloads('get-old-messages').length, 50);
});

test('what somebody waits for goes before what only the login asked for', async () => {
  const chat = await server.login();
  behind(50);

  await chat.getOldMessages({ userId: BOB, limit: 7 });

  const at = server.payloads('get-old-messages').findIndex(({ limit }) => limit === 7);
  assert.ok(at >= 0 && at <= 16, `it is number ${at}`);
});

test('a server that limits requests gets them all, without the twentieth refusal', async () => {
  const chat = await server.login({ timing: { ackTimeout: 5000, retryMin: 50, retryMax: 100 } });
  const [may, forgiven] = [bucket(40, 5), bucket(20, 50)];
  let closed = 0;
  server.limit = (event) => {
    if (event !== 'get-old-messages' || may()) return undefined;
    if (!forgiven()) closed += 1;
    return failure('rate-limited', { retryAfterMs: 5 });
  };

  behind(150);
  await until(() => chat.conversations.filter(({ messages }) => messages.length === 1).length === 150);

  assert.equal(closed, 0);
});

test('a disconnect ends what waits for its turn', async () => {
  const chat = await server.login();
  const codes: string[] = [];
  chat.on('error', ({ code }) => codes.push(code));
  server.limit = (event) => (event === 'get-old-messages' ? failure('rate-limited', { retryAfterMs: 3_600_000 }) : undefined);
  behind(20);
  const page = chat.getOldMessages({ userId: BOB });
  await until(() => server.payloads('get-old-messages').length >= 8);

  chat.disconnect();

  await assert.rejects(page, { code: 'disconnected' });
  server.limit = () => undefined;
  await chat.connect().ready();
  assert.deepEqual(await chat.getOldMessages({ userId: BOB }), { messages: server.history, hasMore: false });
  assert.deepEqual(codes, []);
});
