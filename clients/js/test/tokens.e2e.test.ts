import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../src/index.js';
import type { Chatzz } from '../src/index.js';
import { DevServer } from './server.js';

const SECRET = 'a secret of the tests, long enough for HS256';
const ALICE = '65a000000000000000000001';

let server: DevServer;
let chat: Chatzz | undefined;
before(async () => { server = await DevServer.start({ CHATZZ_AUTH: 'jwt', CHATZZ_JWT_SECRET: SECRET }); });
after(async () => {
  chat?.disconnect();
  await server?.end();
});

/** A token that is good for some seconds. */
function token(sub: string, seconds: number, secret = SECRET): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp: Math.ceil(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

test('a connection outlives its tokens', async () => {
  const given: string[] = [];
  const states: string[] = [];
  chat = connect({ url: server.url, userId: ALICE, getToken: () => given[given.push(token(ALICE, 3)) - 1] ?? '' });
  chat.on('state', (state, reason) => states.push(`${state}: ${reason}`));
  await chat.ready();

  // Longer than a token lives, and than the 2 s after which the server closes what has none.
  await sleep(8000);

  assert.ok(given.length >= 3, `${given.length} tokens were asked for`);
  assert.ok(chat.isConnected());
  assert.deepEqual(states, ['connected: login'], 'it was never closed');
  chat.disconnect();
});

test('after a token has ended a fresh one opens the next connection', async () => {
  const given = [token(ALICE, 2)];
  const reasons: string[] = [];
  // The login service is away when the first token should be replaced.
  let asked = 0;
  chat = connect({ url: server.url, userId: ALICE, getToken: () => {
    asked += 1;
    if (asked > 1 && reasons.length === 0) throw new Error('away');
    return given.pop() ?? token(ALICE, 60);
  } });
  chat.on('error', ({ code }) => assert.equal(code, 'unauthorized'));
  chat.on('disconnect', (reason) => reasons.push(reason));
  const back = new Promise<string>((resolve) => chat?.on('reconnect', resolve));
  await chat.ready();

  assert.equal(await back, 'io server disconnect');
  chat.disconnect();
});

test('a fixed token that nobody signed is refused for good, and so is that of somebody else', async () => {
  for (const [wrong, code] of [[token(ALICE, 60, 'another secret'), 'unauthorized'], [token('65a000000000000000000002', 60), 'forbidden']] as const) {
    chat = connect({ url: server.url, userId: ALICE, token: wrong });
    chat.on('error', () => {});

    await assert.rejects(chat.ready(), { name: 'ChatzzError', code });
    assert.ok(chat.isDisconnected());
  }
});

test('a refused token is replaced by a fresh one', async () => {
  const given = [token(ALICE, 60), token(ALICE, 60, 'another secret'), ''];
  const codes: string[] = [];
  chat = connect({ url: server.url, userId: ALICE, getToken: () => given.pop() ?? '' });
  chat.on('error', ({ code }) => codes.push(code));

  await chat.ready();

  assert.deepEqual(codes, ['unauthorized', 'unauthorized']);
  chat.disconnect();
});
