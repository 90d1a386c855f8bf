/** What the server withholds from a person leaves holes in `seq` that nothing will ever fill. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { Message } from '../src/index.js';
import { ALICE, BOB, FakeServer, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const seqs = (messages: readonly object[]) => messages.map((message) => (message as Message).seq);

test('a position that holds nothing is asked for once and passed over', async () => {
  const chat = await server.login();
  const told: number[] = [];
  chat.on('message', ({ seq }) => told.push(seq));
  server.say(BOB, 'one');
  server.skipped = 2;
  server.say(BOB, 'four');
  await until(() => told.length === 2);

  server.say(BOB, 'five');

  assert.deepEqual(told, [1, 4, 5], 'what follows is not held back');
  const bob = chat.conversation(BOB);
  assert.deepEqual([seqs(bob.messages), bob.unread], [[1, 4, 5], 3]);
  await bob.markRead();
  assert.equal(bob.unread, 0);
  assert.deepEqual(server.payloads('message-read'), [{ userId: BOB, upTo: 5 }]);
  assert.deepEqual(server.payloads('get-old-messages'), [{ userId: BOB, after: 1, limit: 500 }]);
});

test('what was missed on both sides of such a hole is shown and confirmed', async () => {
  server.store(BOB, 'one');
  server.skipped = 1;
  server.store(BOB, 'three');
  const chat = await server.login();
  await until(() => server.confirmed === 3);

  assert.deepEqual(seqs(chat.conversation(BOB).messages), [1, 3]);
  server.cut();
  server.skipped = 3;
  server.store(BOB, 'six');
  await until(() => server.confirmed === 6);

  assert.deepEqual(seqs(chat.conversation(BOB).messages), [1, 3, 6]);
  assert.equal(server.payloads('get-old-messages').length, 2);
});

test('several holes of one page, and one at the beginning, end no search', async () => {
  server.skipped = 1;
  server.store(ALICE, 'two');
  server.skipped = 2;
  server.store(BOB, 'four');
  server.confirmed = 4;
  const chat = await server.login({ pageSize: 1 });
  const bob = chat.conversation(BOB);
  for (server.skipped = 3; server.skipped < 6; server.skipped += 1) server.store(BOB, 'far');
  server.say(BOB, 'last');
  await until(() => bob.messages.length === 4);
  assert.deepEqual(server.payloads('get-old-messages').length, 1);

  while (await bob.loadOlder());

  assert.deepEqual(seqs(bob.messages), server.history.map(({ seq }) => seq));
  assert.equal(bob.hasOlder, false);
});
