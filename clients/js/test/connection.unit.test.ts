import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { ChatzzError } from '../src/index.js';
import { ALICE, BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

test('a client is reconnecting until it is logged in, then connected, and disconnected in the end', async () => {
  const chat = server.client();
  const seen: string[] = [];
  chat.on('state', (state) => seen.push(state));
  chat.on('connect', () => seen.push('connect'));
  chat.on('disconnect', (reason) => seen.push(`disconnect ${reason}`));
  assert.ok(chat.isDisconnected());

  chat.connect();
  assert.ok(chat.isReconnecting());
  await chat.ready();
  assert.ok(chat.isConnected());
  assert.equal(chat.user?._id, ALICE);
  chat.disconnect();

  assert.ok(chat.isDisconnected());
  assert.deepEqual(seen, ['reconnecting', 'connected', 'connect', 'disconnected', 'disconnect client']);
});

test('a lost connection is announced with its reason, and so is the login after it', async () => {
  const chat = await server.login();
  const seen: string[] = [];
  chat.on('disconnect', (reason) => seen.push(`lost: ${reason}`));
  chat.on('reconnect', (reason) => seen.push(`back after: ${reason}`));
  chat.on('connect', () => seen.push('connect is for the first time'));

  server.cut('ping timeout');
  await until(() => chat.isConnected());
  server.cut('io server disconnect');
  await until(() => chat.isConnected());

  assert.deepEqual(seen, ['lost: ping timeout', 'back after: ping timeout', 'lost: io server disconnect', 'back after: io server disconnect']);
  assert.equal(server.payloads('connect-user').length, 3, 'every connection is logged in');
  assert.deepEqual(server.payloads('connect-user')[2], { userId: ALICE, deliveryAcks: true, compact: true, protocol: 3 });
});

test('a server that cannot be reached or refuses for the moment is tried again', async () => {
  server.refusals = ['xhr poll error', 'unavailable: the server is stopping', 'websocket error'];
  server.fail('connect-user', failure('overloaded'), 'lost', failure('unknown-outcome'));

  const chat = await server.login();

  assert.ok(chat.isConnected());
  assert.equal(server.tokens.length, 7, 'one handshake for each failure, and the good one');
});

test('getToken is asked at each connect, and again when its token is refused', async () => {
  let asked = 0;
  const errors: ChatzzError[] = [];
  server.refusals = ['unauthorized: the token has expired'];
  const chat = server.client({ getToken: async () => `token ${(asked += 1)}` });
  chat.on('error', (error) => errors.push(error));
  await chat.connect().ready();
  server.cut();
  await until(() => chat.isConnected());

  assert.deepEqual(server.tokens, ['token 1', 'token 2', 'token 3']);
  assert.deepEqual(errors.map(({ code, message }) => [code, message]), [['unauthorized', 'the token has expired']]);
});

test('a getToken that fails is announced and asked again', async () => {
  let asked = 0;
  const chat = server.client({ getToken: () => {
    asked += 1;
    if (asked < 3) throw new Error('the login service is away');
    return 'good';
  } });
  const codes: string[] = [];
  chat.on('error', ({ code }) => codes.push(code));

  await chat.connect().ready();

  assert.deepEqual(codes, ['unauthorized', 'unauthorized']);
  assert.deepEqual(server.tokens, ['good']);
});

test('a token is replaced before its end, on the same connection', async () => {
  server.tokenLife = 40;
  let asked = 0;
  const chat = await server.login({ getToken: () => `token ${(asked += 1)}` });
  await until(() => server.payloads('refresh-token').length >= 4, 'it is refreshed three times');

  assert.deepEqual(server.payloads('refresh-token').slice(0, 4).map(({ token }) => token), ['token 1', 'token 2', 'token 3', 'token 4']);
  assert.deepEqual(server.tokens, ['token 1'], 'there was one handshake');
  assert.ok(chat.isConnected());
});

test('a token without end is shown once more and then left alone', async () => {
  let asked = 0;
  await server.login({ getToken: () => `token ${(asked += 1)}` });
  await until(() => server.payloads('refresh-token').length === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));

  assert.equal(asked, 1);
  assert.equal(server.payloads('refresh-token').length, 1);
});

test('a fixed token that is refused ends the attempts and is announced', async () => {
  server.refusals = ['unauthorized: the signature is wrong'];
  const chat = server.client({ token: 'bad' }).connect();
  const refused = chat.ready();

  await assert.rejects(refused, { name: 'ChatzzError', code: 'unauthorized' });
  await assert.rejects(chat.ready(), { code: 'unauthorized' });
  assert.ok(chat.isDisconnected());
  assert.deepEqual(server.tokens, ['bad']);
});

test('a user whom nobody knows ends the attempts, and connect begins anew', async () => {
  server.fail('connect-user', failure('user-not-found'));
  const chat = server.client().connect();
  await assert.rejects(chat.ready(), (error) => error instanceof ChatzzError && error.code === 'user-not-found');
  assert.ok(chat.isDisconnected());

  await chat.connect().ready();

  assert.ok(chat.isConnected());
});

test('a request waits for the login and goes on after a loss', async () => {
  const chat = server.client().connect();
  server.fail('get-old-messages', 'lost', failure('unavailable'));
  const page = chat.getOldMessages({ userId: BOB });
  await until(() => server.payloads('get-old-messages').length === 1);
  server.cut();

  assert.deepEqual(await page, { messages: [], hasMore: false });
  assert.equal(server.payloads('get-old-messages').length, 3);
});

test('a connection that is lost in the moment of the login loses no request', async () => {
  const chat = server.client().connect();
  chat.once('connect', () => server.cut());
  const page = chat.getOldMessages({ userId: BOB });

  assert.deepEqual(await page, { messages: [], hasMore: false });
  assert.equal(server.payloads('connect-user').length, 2);
});

test('a request that is refused for good rejects with its code, at once', async () => {
  const chat = await server.login();
  server.fail('add-chat-user', failure('cannot-add-self'));

  await assert.rejects(chat.addContact(ALICE), { code: 'cannot-add-self', message: 'cannot-add-self it is' });
  assert.equal(server.payloads('add-chat-user').length, 1);
});

test('an error inside the server is tried five times and then announced', async () => {
  const chat = await server.login();
  server.fail('add-chat-user', ...Array.from({ length: 9 }, () => failure('internal')));

  await assert.rejects(chat.addContact(BOB), { code: 'internal' });
  assert.equal(server.payloads('add-chat-user').length, 5);
});

test('disconnecting rejects the requests that wait', async () => {
  const chat = await server.login();
  server.fail('get-old-messages', 'lost');
  const page = chat.getOldMessages({ userId: BOB });
  await until(() => server.payloads('get-old-messages').length === 1);

  chat.disconnect();

  await assert.rejects(page, { code: 'disconnected' });
  await assert.rejects(chat.getOldMessages({ userId: BOB }), { code: 'disconnected' });
});

test('a page that comes online again does not wait for the pause to end', async () => {
  const listeners = new Set<() => void>();
  const page = globalThis as { addEventListener?: unknown; removeEventListener?: unknown };
  page.addEventListener = (event: string, listener: () => void) => event === 'online' && listeners.add(listener);
  page.removeEventListener = (_: string, listener: () => void) => listeners.delete(listener);
  const hour = 3_600_000;
  const chat = await server.login({ timing: { retryMin: hour, retryMax: hour } });
  server.cut();
  assert.ok(chat.isReconnecting());

  for (const listener of listeners) listener();

  await chat.ready();
  chat.disconnect();
  assert.equal(listeners.size, 0, 'it listens no longer');
  delete page.addEventListener;
  delete page.removeEventListener;
});

test('a listener that is taken off hears nothing more', async () => {
  const chat = await server.login();
  const heard: string[] = [];
  const off = chat.on('message', ({ message }) => heard.push(message));
  chat.once('message', ({ message }) => heard.push(`once ${message}`));
  server.say(BOB, 'one');
  server.say(BOB, 'two');
  off();
  server.say(BOB, 'three');

  assert.deepEqual(heard, ['one', 'once one', 'two']);
});

test('the first login is announced as such, also after attempts that were refused', async () => {
  server.refusals = ['unauthorized: not yet'];
  const chat = server.client({ token: 'early' });
  const announced: string[] = [];
  chat.on('connect', () => announced.push('connect'));
  chat.on('reconnect', (reason) => announced.push(`reconnect ${reason}`));
  await assert.rejects(chat.connect().ready(), { code: 'unauthorized' });

  await chat.connect().ready();
  server.cut('ping timeout');
  await until(() => chat.isConnected());

  assert.deepEqual(announced, ['connect', 'reconnect ping timeout']);
});

test('a lost connection leaves no timer of its token behind', async () => {
  server.tokenLife = 3_600_000;
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  const chat = await server.login({ getToken: () => 'good' });
  await until(() => server.payloads('refresh-token').length === 1);
  await chat.getOldMessages({ userId: BOB });
  const before = timers();

  for (let loss = 1; loss <= 5; loss += 1) {
    server.cut();
    await until(() => server.payloads('refresh-token').length === 1 + loss);
  }
  await chat.getOldMessages({ userId: BOB });

  assert.equal(timers(), before);
});

test('a login that came too soon waits for as long as the server says', async () => {
  const chat = server.client();
  server.fail('connect-user', failure('rate-limited', { retryAfterMs: 200 }));
  const begun = Date.now();

  await chat.connect().ready();

  assert.ok(Date.now() - begun >= 199, 'the pauses of this client are 30 ms at most');
});

for (const [what, event, refusals] of [['a loss', 'disconnect', []], ['a refusal', 'error', ['unauthorized: no']]] as const) {
  test(`whoever hears of ${what} may disconnect: nobody connects again`, async () => {
    const chat = await server.login({ getToken: () => 'good' });
    chat.on(event, () => chat.disconnect());
    server.refusals = [...refusals];
    server.cut();
    await until(() => chat.isDisconnected());
    const handshakes = server.tokens.length;
    await new Promise((resolve) => setTimeout(resolve, 100));

    assert.ok(chat.isDisconnected());
    assert.equal(server.tokens.length, handshakes);
  });
}

test('whoever hears that getToken failed may disconnect: it is not asked again', async () => {
  let asked = 0;
  const chat = server.client({ getToken: () => {
    asked += 1;
    throw new Error('logged out');
  } });
  chat.on('error', () => chat.disconnect());
  chat.connect();
  await until(() => chat.isDisconnected());
  await new Promise((resolve) => setTimeout(resolve, 100));

  assert.deepEqual([asked, chat.state], [1, 'disconnected']);
});

test('whoever hears of the end may connect again at once', async () => {
  server.refusals = ['unauthorized: not yet'];
  const chat = server.client({ token: 'early' });
  chat.once('disconnect', () => chat.connect());
  chat.connect();

  await until(() => chat.isConnected());

  assert.ok(chat.isConnected());
  chat.once('disconnect', () => {
    chat.disconnect();
    chat.connect();
  });
  server.cut();
  await until(() => chat.isConnected());
  await chat.getOldMessages({ userId: BOB });
});
