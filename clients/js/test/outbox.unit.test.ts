import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { messageKey } from '../src/index.js';
import type { ChatzzStorage } from '../src/index.js';
import { ALICE, BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

/** Keeps what a page would keep, with a wait at each step if it is to be slow. */
class Kept implements ChatzzStorage {
  items = new Map<string, string>();
  getItem = (key: string): string | null | Promise<string | null> => this.items.get(key) ?? null;
  setItem = (key: string, value: string): unknown => this.items.set(key, value);
  removeItem = (key: string): unknown => this.items.delete(key);
}

const texts = () => server.history.map(({ message }) => message);

test('a message shows at once as waiting and becomes the stored one under the same key', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const sent = bob.send('Hello');
  const [waiting] = bob.messages;
  assert.ok(waiting);
  assert.deepEqual([waiting.status, waiting.message], ['waiting', 'Hello']);

  const stored = await sent;

  assert.equal(stored.seq, 1);
  assert.deepEqual(bob.messages, [stored]);
  assert.equal(messageKey(stored), messageKey(waiting));
  assert.equal(server.payloads('send-message')[0].clientId, waiting.clientId, 'the key was made before the first try');
});

test('a listener never sees a message both waiting and stored', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const seen: number[] = [];
  bob.subscribe(() => seen.push(bob.messages.length));
  chat.on('message', () => seen.push(bob.messages.length));

  await bob.send('once');

  assert.ok(seen.length >= 2);
  assert.ok(seen.every((length) => length === 1), `${seen}`);
});

for (const fate of ['lost', 'ack-lost', failure('unavailable'), failure('unknown-outcome'), failure('overloaded'), failure('rate-limited', { retryAfterMs: 5 })] as const) {
  test(`a send that meets ${typeof fate === 'string' ? fate : fate.code} is repeated under its key and stored once, in order`, async () => {
    const chat = await server.login();
    server.fail('send-message', ...Array.from({ length: 7 }, () => fate));

    await Promise.all([chat.send(BOB, 'one'), chat.send(BOB, 'two'), chat.send(BOB, 'three')]);

    assert.deepEqual(texts(), ['one', 'two', 'three']);
    assert.deepEqual(chat.conversation(BOB).messages, server.history);
    const keys = new Set(server.payloads('send-message').map(({ clientId }) => clientId));
    assert.equal(keys.size, 3);
  });
}

test('the message itself counts as its ack', async () => {
  const chat = await server.login({ timing: { ackTimeout: 60_000, retryMin: 4, retryMax: 30 } });
  server.fail('send-message', 'ack-lost');

  const stored = await chat.send(BOB, 'heard');

  assert.equal(stored.message, 'heard');
  assert.equal(server.payloads('send-message').length, 1);
});

test('messages written without a connection are sent after the next login, in order', async () => {
  const chat = server.client();
  const early = chat.send(BOB, 'before connect');
  chat.connect();
  await early;
  server.refusals = ['xhr poll error', 'xhr poll error'];
  server.cut();

  const sent = [chat.send(BOB, 'two'), chat.send(BOB, 'three')];
  assert.deepEqual(chat.conversation(BOB).messages.map(({ status }) => status), ['sent', 'waiting', 'waiting']);
  await Promise.all(sent);

  assert.deepEqual(texts(), ['before connect', 'two', 'three']);
});

test('what waits through a disconnect is sent after the next connect', async () => {
  const chat = await server.login();
  server.fail('send-message', 'lost');
  const sent = chat.send(BOB, 'patient');
  await until(() => server.payloads('send-message').length === 1);
  chat.disconnect();
  assert.equal(chat.conversation(BOB).messages[0]?.status, 'waiting');

  chat.connect();

  assert.equal((await sent).message, 'patient');
});

test('the outbox survives a reload, with its keys and before what is written after it', async () => {
  const storage = new Kept();
  const before = server.client({ storage });
  void before.send(BOB, 'one');
  void before.send(BOB, 'two');
  const keys = before.conversation(BOB).messages.map(messageKey);
  await until(() => [...storage.items.values()].some((kept) => kept.includes('two')));

  const slow = new Kept();
  slow.items = storage.items;
  slow.getItem = async (key) => storage.getItem(key);
  const after = server.client({ storage: slow }).connect();
  await after.send(BOB, 'three');

  assert.deepEqual(texts(), ['one', 'two', 'three']);
  assert.deepEqual(server.history.slice(0, 2).map(messageKey), keys);
  await until(() => storage.items.size === 0, 'what is stored is no longer kept');
});

test('a message is kept before the first try', async () => {
  const storage = new Kept();
  let keep = () => {};
  storage.setItem = async (key, value) => {
    await new Promise<void>((resolve) => { keep = resolve; });
    storage.items.set(key, value);
  };
  const chat = await server.login({ storage });
  const sent = chat.send(BOB, 'safe');
  await chat.getOldMessages({ userId: BOB });
  assert.equal(server.payloads('send-message').length, 0, 'it is not safe yet');

  keep();

  assert.equal((await sent).message, 'safe');
});

test('a message that was stored just before the reload is not stored again', async () => {
  const storage = new Kept();
  const before = server.client({ storage });
  void before.send(BOB, 'once');
  await until(() => storage.items.size === 1);
  const [kept] = before.conversation(BOB).messages;
  server.store(ALICE, 'once', { clientId: kept?.clientId ?? '' });

  const after = await server.login({ storage });
  await until(() => storage.items.size === 0);

  assert.deepEqual(texts(), ['once']);
  assert.equal(after.conversation(BOB).messages.filter(({ status }) => status === 'waiting').length, 0);
});

test('two pages of one user share the storage without losing anything', async () => {
  const storage = new Kept();
  const [one, two] = [server.client({ storage }), server.client({ storage })];
  void one.send(BOB, 'of the first page');
  void two.send(BOB, 'of the second page');
  await until(() => [...storage.items.values()].join().includes('second'));

  assert.match([...storage.items.values()].join(), /of the first page.*of the second page/);
});

test('a storage that refuses is announced, one that holds nonsense is emptied, and neither keeps a message from being sent', async () => {
  const full = new Kept();
  full.setItem = () => { throw new Error('the quota is exceeded'); };
  const chat = await server.login({ storage: full });
  const codes: string[] = [];
  chat.on('error', ({ code }) => codes.push(code));
  await chat.send(BOB, 'one');
  assert.deepEqual(codes, ['storage']);

  const torn = new Kept();
  torn.getItem = () => '{"not": "a list';
  await (await server.login({ storage: torn })).send(BOB, 'two');
  assert.deepEqual(texts(), ['one', 'two']);
});

test('a message that is refused for good stays as failed, lets the next pass, and can be retried', async () => {
  const storage = new Kept();
  const chat = await server.login({ storage });
  const bob = chat.conversation(BOB);
  server.fail('send-message', failure('no-chat-room'));
  const [refused, next] = [bob.send('refused'), bob.send('next')];

  await assert.rejects(refused, { code: 'no-chat-room' });
  await next;
  const failed = bob.messages.at(-1);
  assert.ok(failed?.status === 'failed');
  assert.equal(failed.error?.code, 'no-chat-room');

  const reloaded = await server.login({ storage });
  const kept = reloaded.conversation(BOB).messages.find(({ message }) => message === 'refused');
  assert.ok(kept?.status === 'failed' && kept.error?.code === 'no-chat-room', 'the failure survives a reload');
  await reloaded.retry(kept.clientId);

  assert.deepEqual(texts(), ['next', 'refused']);
});

test('a failed message can be discarded', async () => {
  const chat = await server.login();
  server.fail('send-message', failure('message-too-long'));
  await assert.rejects(chat.send(BOB, 'long'), { code: 'message-too-long' });
  const [failed] = chat.conversation(BOB).messages;

  chat.discard(failed?.clientId ?? '');

  assert.deepEqual(chat.conversation(BOB).messages, []);
  await assert.rejects(chat.retry(failed?.clientId ?? ''), { code: 'discarded' });
});

test('a key that was taken is replaced when the message is retried', async () => {
  const chat = await server.login();
  server.fail('send-message', failure('client-id-conflict'));
  await assert.rejects(chat.send(BOB, 'text', 'taken'), { code: 'client-id-conflict' });

  const stored = await chat.retry('taken');

  assert.notEqual(stored.clientId, 'taken');
});

test('a login that is refused for good leaves the outbox as it was', async () => {
  server.fail('connect-user', failure('forbidden'));
  const chat = server.client().connect();
  const sent = chat.send(BOB, 'kept');
  await until(() => chat.isDisconnected());
  assert.equal(chat.conversation(BOB).messages[0]?.status, 'waiting');

  chat.connect();

  assert.equal((await sent).message, 'kept');
});

test('what is discarded while there is no connection is never sent', async () => {
  const chat = await server.login();
  server.refusals = ['xhr poll error', 'xhr poll error'];
  server.cut();
  const [unwanted, next] = [chat.send(BOB, 'unwanted', 'first'), chat.send(BOB, 'next')];
  // It waits for the login by now.
  await new Promise((resolve) => setTimeout(resolve, 1));
  chat.discard('first');

  await assert.rejects(unwanted, { code: 'discarded' });
  await next;

  assert.deepEqual(texts(), ['next']);
});

test('entries that are none of this library\'s are passed over, and sound ones are sent', async () => {
  const storage = new Kept();
  const sound = { clientId: 'a', to: BOB, message: 'sound', createdAt: '2026-11-20T00:00:00.000Z', status: 'waiting' };
  const foreign = [null, 7, 'text', [], {}, { ...sound, to: undefined }, { ...sound, status: 'sent' }, { ...sound, clientId: 1 }, { ...sound, error: 'x' }];
  storage.items.set(`chatzz-outbox http://fake ${ALICE}`, JSON.stringify([...foreign, sound]));

  const chat = await server.login({ storage });
  await chat.send(BOB, 'new');

  assert.deepEqual(texts(), ['sound', 'new']);
  await until(() => storage.items.size === 0);
});

test('a storage may answer with a promise of another make', async () => {
  const storage = new Kept();
  storage.getItem = (key) => {
    const text = storage.items.get(key) ?? null;
    return { then: (resolve: (text: string | null) => void) => setTimeout(() => resolve(text), 1) } as unknown as Promise<string | null>;
  };
  const before = server.client({ storage });
  for (const text of ['one', 'two']) void before.send(BOB, text);
  await until(() => [...storage.items.values()].join().includes('two'));

  assert.match([...storage.items.values()].join(), /one.*two/, 'the second write knows of the first');
});

test('a message of a kind waits, is repeated and is tried again with what belongs to it', async () => {
  const storage = new Kept();
  const chat = await server.login({ storage });
  const place = { kind: 'location', data: { lat: 48.2, lon: 16.4 } };
  server.fail('send-message', 'lost', failure('bad-request'));
  const refused = chat.send(BOB, 'I am here', place).catch(({ code }) => code);
  const [waiting] = chat.conversation(BOB).messages;
  assert.ok(waiting);
  assert.deepEqual([waiting.kind, waiting.data], [place.kind, place.data]);
  assert.equal(await refused, 'bad-request');

  await chat.retry(waiting.clientId!);

  const sent = server.payloads('send-message');
  assert.equal(sent.length, 3);
  for (const { kind, data, clientId } of sent) assert.deepEqual({ kind, data, clientId }, { ...place, clientId: waiting.clientId });
});
