import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Chatzz, connect } from '../src/index.js';
import type { Conversation, Message } from '../src/index.js';
import { DevServer } from './server.js';

let server: DevServer;
let ids: string[];
const clients: Chatzz[] = [];

before(async () => {
  server = await DevServer.start();
  ids = await server.users();
});
after(async () => {
  for (const client of clients) client.disconnect();
  await server?.end();
});

async function login(userId: string): Promise<Chatzz> {
  const client = connect({ url: server.url, userId, getToken: () => 'not looked at' });
  client.on('error', () => {});
  clients.push(client);
  await client.ready();
  return client;
}

/** Two people who have never met, each with the conversation with the other. */
async function pair(): Promise<[Chatzz, Chatzz, Conversation, Conversation]> {
  const [one, other] = ids.splice(-2);
  assert.ok(one && other, 'there are demo users left');
  const [alice, bob] = [await login(one), await login(other)];
  return [alice, bob, await alice.addContact(other), bob.conversation(one)];
}

async function until(holds: () => boolean, what: string, limit = 20_000): Promise<void> {
  for (const end = Date.now() + limit; !holds(); await sleep(10)) assert.ok(Date.now() < end, `not within ${limit} ms: ${what}`);
}

const texts = (messages: readonly { message: string }[]) => messages.map(({ message }) => message);

test('two people add each other, write both ways, read, and see each other leave', async () => {
  const [alice, bob, withBob, withAlice] = await pair();
  await until(() => withAlice.presence === 'online', 'Bob sees Alice');
  assert.equal(withBob.presence, 'online');

  const sent = await withBob.send('Grüße 👋');
  await until(() => withAlice.messages.length === 1, 'Bob has it');
  assert.equal(withAlice.unread, 1);
  await withAlice.send('Hello Alice');
  await until(() => withBob.messages.length === 2, 'Alice has the answer');
  assert.deepEqual(withBob.messages, withAlice.messages.map((message) => message));

  await withAlice.markRead();
  await until(() => withBob.messages[0]?.status === 'read', 'Alice sees that it was read');
  assert.equal(withAlice.unread, 0);
  assert.equal((await bob.readMessage(sent._id)).status, 'read');

  bob.disconnect();
  await until(() => withBob.presence === 'offline', 'Alice sees Bob leave');
  assert.ok(alice.isConnected());
});

test('what was written to somebody who is away is missed, then there once', async () => {
  const [, bob, withBob, withAlice] = await pair();
  await withBob.send('one');
  await until(() => withAlice.messages.length === 1, 'Bob has the first');
  const missed: Message[] = [];
  const all: Message[] = [];
  bob.on('missed', (messages) => missed.push(...messages));
  bob.on('message', (message) => all.push(message));
  bob.disconnect();
  for (let at = 2; at <= 250; at += 1) await withBob.send(`${at}`);

  await bob.connect().ready();
  await until(() => withAlice.messages.length === 250, 'Bob has all');

  assert.deepEqual(withAlice.messages.map((message) => 'seq' in message && message.seq), Array.from({ length: 250 }, (_, at) => at + 1));
  assert.deepEqual(all.map(({ seq }) => seq), Array.from({ length: 249 }, (_, at) => at + 2));
  assert.ok(missed.length > 100 && missed.length <= 200, `${missed.length} came with the login, bounded in number and bytes; the rest is fetched`);
  assert.equal(withAlice.unread, 250);
});

test('history is scrolled back to the first message', async () => {
  const [alice, , withBob] = await pair();
  for (let at = 1; at <= 120; at += 1) await withBob.send(`${at}`);
  const again = await login(String(alice.userId));
  const conversation = again.conversation(withBob.userId);
  assert.deepEqual([conversation.messages.length, conversation.last?.message], [0, '120']);

  let pages = 1;
  while (await conversation.loadOlder()) pages += 1;

  assert.equal(pages, 3);
  assert.deepEqual(texts(conversation.messages), Array.from({ length: 120 }, (_, at) => `${at + 1}`));
});

test('a block refuses messages until it is lifted, on whichever device', async () => {
  const [alice, bob, withBob, withAlice] = await pair();
  const phone = await login(String(alice.userId));
  await phone.blockedUsers();
  const changes: unknown[] = [];
  phone.on('privacy', (change) => changes.push(change));
  await alice.block(withBob.userId);
  await until(() => phone.conversation(withBob.userId).blocked, 'the other device follows');
  await assert.rejects(withAlice.send('Are you there?'), { name: 'ChatzzError', code: 'blocked' });
  assert.deepEqual((await phone.blockedUsers()).map(({ _id }) => _id), [bob.userId]);

  await phone.unblock(withBob.userId);
  const [failed] = withAlice.messages;
  await bob.retry(failed?.clientId ?? '');
  await until(() => withBob.messages.length === 1, 'Alice has it');

  assert.deepEqual([withAlice.messages.length, withBob.snapshot().blocked, changes.length], [1, false, 1]);
  assert.deepEqual(await alice.setPrivacy(), { whitelistOnly: false, whitelist: [] });
});

test('a refusal of the server has its code, and pasted text is not refused', async () => {
  const [alice, , withBob, withAlice] = await pair();

  await assert.rejects(alice.addContact(alice.userId), { name: 'ChatzzError', code: 'cannot-add-self' });
  await assert.rejects(alice.send('65a0000000000000000000ff', 'to nobody'), { code: 'user-not-found' });

  for (const text of ['one\vtwo', 'one\ftwo', 'one\u0085two', 'bell\u0007!', 'torn \ud83d']) await withBob.send(text);
  await until(() => withAlice.messages.length === 5, 'Bob has them');
  assert.deepEqual(texts(withAlice.messages), ['one\ntwo', 'one\ntwo', 'one\ntwo', 'bell !', 'torn \ufffd']);
});

test('an origin that the server refuses is announced at the first attempt', async () => {
  const socket = { extraHeaders: { origin: 'https://elsewhere.example' } };
  const client = new Chatzz({ url: server.url, userId: ids[0] ?? '', socket });
  const announced: string[] = [];
  client.on('error', ({ code }) => announced.push(code));
  client.on('state', (state, reason) => announced.push(`${state} (${reason})`));
  clients.push(client.connect());

  await until(() => announced.length >= 3, 'it is announced');

  assert.deepEqual(announced, ['reconnecting (connect)', 'unreachable', 'reconnecting (unreachable)']);
  client.disconnect();
});

test('a server that is killed and started again in the middle of sends loses, repeats and reorders nothing', async () => {
  const [alice, bob, withBob, withAlice] = await pair();
  const announced: Map<Chatzz, string[]> = new Map([[alice, []], [bob, []]]);
  for (const [client, list] of announced) client.on('message', ({ message }) => list.push(message));
  const sends: Promise<Message>[] = [];
  const write = async (from: number, to: number) => {
    for (let at = from; at < to; at += 1) {
      sends.push(withBob.send(`a${at}`), withAlice.send(`b${at}`));
      await sleep(5);
    }
  };

  await write(0, 60);
  const more = write(60, 120);
  await server.kill('SIGKILL');
  await until(() => alice.isReconnecting() && bob.isReconnecting(), 'both notice');
  await more;
  assert.ok(withBob.messages.some(({ status }) => status === 'waiting'), 'there is something in the outbox');
  await server.begin();
  await write(120, 140);
  await Promise.all(sends);
  await until(() => [...announced.values()].every((list) => list.length >= 280), 'both have everything', 60_000);

  assert.deepEqual(withBob.messages.map(({ message }) => message), texts(withAlice.messages));
  for (const list of announced.values()) {
    assert.deepEqual(list, texts(withBob.messages), 'each was announced once, in the order of the server');
    for (const writer of ['a', 'b']) {
      assert.deepEqual(list.filter((text) => text.startsWith(writer)), Array.from({ length: 140 }, (_, at) => `${writer}${at}`));
    }
  }
});
