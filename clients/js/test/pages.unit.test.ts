/** Pages of one user that share a storage. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { BOB, FakeServer, failure, until } from './fake.js';
import { Shared, Window } from './page.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

const texts = () => server.history.map(({ message }) => message);
const shown = (chat: ReturnType<FakeServer['client']>) => chat.conversation(BOB).messages.map(({ message, status }) => `${message} ${status}`);

test('what a page wrote without a connection is sent by the page that stays, once that is logged in again', async () => {
  const storage = new Shared();
  const closed = server.client({ storage });
  const stays = await server.login({ storage });
  for (const text of ['one', 'two']) void closed.send(BOB, text);
  await until(() => storage.texts().length === 2);

  server.cut();
  server.refusals = ['xhr poll error'];
  await until(() => server.history.length === 2);

  assert.deepEqual(texts(), ['one', 'two']);
  assert.deepEqual(shown(stays), ['one sent', 'two sent']);
  await until(() => storage.items.size === 0);
});

test('what a page wrote and left is sent by a page that is logged in all the time', async () => {
  const window = new Window();
  const storage = new Shared(window);
  const stays = await server.login({ storage });
  const closed = server.client({ storage });
  void closed.send(BOB, 'left behind');
  await until(() => storage.texts().length === 1);
  assert.equal(server.payloads('send-message').length, 0, 'the page that wrote it has the time of an answer');

  await until(() => server.history.length === 1);

  assert.deepEqual(texts(), ['left behind']);
  assert.deepEqual(shown(stays), ['left behind sent']);
  stays.disconnect();
  assert.equal(window.count('storage'), 0, 'it listens no longer');
  window.close();
});

test('a message that another open page sends by itself is left to that page', async () => {
  const window = new Window();
  const storage = new Shared(window);
  const writes = await server.login({ storage });
  await server.login({ storage });
  await writes.send(BOB, 'mine');
  await sleep(100); // longer than an answer may take

  assert.equal(server.payloads('send-message').length, 1);
  window.close();
});

test('a message that failed in a page that was closed can be tried again in the one that stays', async () => {
  const storage = new Shared();
  const stays = await server.login({ storage });
  const closed = await server.login({ storage });
  server.fail('send-message', failure('no-chat-room'));
  await assert.rejects(closed.send(BOB, 'refused', 'key'), { code: 'no-chat-room' });
  closed.disconnect();
  await until(() => storage.texts().length === 1);

  stays.disconnect();
  await stays.connect().ready();
  await until(() => shown(stays).length === 1);
  assert.deepEqual(shown(stays), ['refused failed']);
  await stays.retry('key');

  assert.deepEqual(texts(), ['refused']);
});

test('what one page discards is no longer shown or sent by another that had taken it over', async () => {
  const window = new Window();
  const storage = new Shared(window);
  const writes = server.client({ storage });
  for (const text of ['unwanted', 'wanted']) void writes.send(BOB, text, text);
  await until(() => storage.texts().length === 2);
  const other = server.client({ storage });
  await until(() => shown(other).length === 2);

  // Before the first login of the other page, which has not heard of it.
  writes.discard('unwanted');
  await other.connect().ready();
  await until(() => server.history.length === 1);
  assert.deepEqual(texts(), ['wanted']);

  // And while its connection is lost.
  server.cut();
  server.refusals = Array.from({ length: 5 }, () => 'xhr poll error');
  void writes.send(BOB, 'second thoughts', 'second');
  server.fail('send-message', 'lost', 'lost');
  await until(() => shown(other).length === 2 && server.payloads('send-message').length === 2, 'it is under way');
  writes.discard('second');
  await until(() => shown(other).length === 1);
  await other.send(BOB, 'last');

  assert.deepEqual(texts(), ['wanted', 'last']);
  window.close();
});

test('a message that was stored here is not taken over from a list that another page wrote late', async () => {
  const storage = new Shared();
  const chat = await server.login({ storage });
  server.fail('send-message', 'lost');
  const sent = chat.send(BOB, 'once');
  await until(() => storage.texts().length === 1);
  const old = [...storage.items];
  await sent;
  await until(() => storage.items.size === 0);
  for (const [key, list] of old) storage.setItem(key, list);

  server.cut();
  await until(() => chat.isConnected());
  await chat.send(BOB, 'next');

  assert.equal(server.payloads('send-message').length, 3, 'the lost one, its repeat, and the next');
  assert.deepEqual(shown(chat), ['once sent', 'next sent']);
});
