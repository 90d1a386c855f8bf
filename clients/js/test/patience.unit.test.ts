/** What never answers, and a clock that is set while the page is open. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ChatzzStorage } from '../src/index.js';
import { BOB, FakeServer, until } from './fake.js';
import { Shared } from './page.js';

const dateNow = Date.now;
let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => {
  Date.now = dateNow;
  server.end();
});

const never = () => new Promise<never>(() => {});
/** Only the storage may not take long here. */
const timing = { ackTimeout: 60, retryMin: 4, retryMax: 30, readDelay: 10, storageTimeout: 20 };

test('a getToken that never answers is given up, announced and asked again', async () => {
  let asked = 0;
  const chat = server.client({ getToken: () => ((asked += 1) === 1 ? never() : 'good') });
  const announced: string[] = [];
  chat.on('error', ({ code, cause }) => announced.push(`${code}: ${(cause as Error).message}`));

  await chat.connect().ready();

  assert.deepEqual(server.tokens, ['good']);
  assert.deepEqual(announced, ['unauthorized: no answer from getToken within 60 ms']);
});

test('a token that comes after it was given up is not used', async () => {
  let late = (_: string) => {};
  let asked = 0;
  const getToken = () => ((asked += 1) === 1 ? new Promise<string>((resolve) => { late = resolve; }) : 'good');
  await server.client({ getToken }).connect().ready();

  late('late');
  await sleep(20);

  assert.deepEqual(server.tokens, ['good']);
});

test('a getToken that never answers before the end of a token is asked again on the same connection', async () => {
  server.tokenLife = 400;
  let asked = 0;
  const chat = await server.login({ getToken: () => ((asked += 1) === 2 ? never() : `token ${asked}`) });

  await until(() => server.payloads('refresh-token').length >= 2);

  assert.equal(server.payloads('refresh-token')[1].token, 'token 3');
  assert.ok(chat.isConnected());
  assert.deepEqual(server.tokens, ['token 1']);
});

const STUCK: [what: string, storage: Partial<ChatzzStorage>][] = [
  ['be read', { getItem: never }],
  ['be written', { setItem: never }],
  ['be emptied', { removeItem: never }],
];
for (const [what, stuck] of STUCK) {
  test(`a storage that takes for ever to ${what} is announced, and messages are sent all the same`, async () => {
    const chat = server.client({ storage: { ...new Shared(), ...stuck }, timing });
    const announced = new Set<string>();
    chat.on('error', ({ code }) => announced.add(code));
    await chat.connect().ready();

    await Promise.all([chat.send(BOB, 'one'), chat.send(BOB, 'two')]);
    await until(() => announced.size > 0);

    assert.deepEqual(server.history.map(({ message }) => message), ['one', 'two']);
    assert.deepEqual([...announced], ['storage']);
  });
}

test('what a slow storage holds is sent after the next login, if it came too late for this one', async () => {
  const storage = new Shared();
  void server.client({ storage }).send(BOB, 'kept');
  await until(() => storage.texts().length === 1);
  let isSlow = true;
  const slow = { ...storage, getItem: async (key: string) => (isSlow ? never() : storage.getItem(key)) };
  const chat = await server.login({ storage: slow, timing });
  await sleep(60);
  assert.equal(server.history.length, 0);

  isSlow = false;
  server.cut();
  await until(() => server.history.length === 1);

  assert.equal(server.history[0]?.message, 'kept');
  chat.disconnect();
});

for (const [what, by] of [['back', -3_600_000], ['forward', 3_600_000]] as const) {
  test(`a clock that is set ${what} by an hour changes nothing about typing`, async (context) => {
    const chat = await server.login();
    const bob = chat.conversation(BOB);
    bob.keystroke('h');
    Date.now = () => dateNow() + by;
    bob.keystroke('ho');
    await until(() => server.payloads('typing').length === 1);

    const passed = performance.now() + 3001;
    context.mock.method(performance, 'now', () => passed);
    bob.keystroke('how');

    await until(() => server.payloads('typing').length === 2, 'it is announced again after three seconds');
  });

  test(`a clock that is set ${what} by an hour does not change how long the other is shown as typing`, async () => {
    const chat = await server.login();
    Date.now = () => dateNow() + by;
    const typing = (rest: number) => server.push('user-typing', { user: { _id: BOB }, chatRoomId: 'room', until: new Date(dateNow() + rest).toISOString() });

    typing(-1);
    assert.equal(chat.conversation(BOB).typing, false);
    typing(60);
    assert.equal(chat.conversation(BOB).typing, true);
    await until(() => !chat.conversation(BOB).typing);
  });

  test(`a clock that is set ${what} by an hour does not change when a token is replaced`, async () => {
    server.tokenLife = 80;
    const answer = server.answer.bind(server);
    // The server's own clock is right.
    server.answer = (event, payload) => {
      const set = Date.now;
      Date.now = dateNow;
      try {
        return answer(event, payload);
      } finally {
        Date.now = set;
      }
    };
    let asked = 0;
    await server.login({ getToken: () => `token ${(asked += 1)}` });
    Date.now = () => dateNow() + by;

    await until(() => server.payloads('refresh-token').length >= 4);

    assert.deepEqual(server.tokens, ['token 1']);
  });
}
