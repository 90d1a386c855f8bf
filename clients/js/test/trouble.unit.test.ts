/** What is announced when there is no login. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';

import { Chatzz } from '../src/index.js';
import { ALICE, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

/** What a client tells, in order. */
function telling(chat: Chatzz): string[] {
  const announced: string[] = [];
  chat.on('error', ({ code }) => announced.push(`error ${code}`));
  chat.on('state', (state, reason) => announced.push(`${state} (${reason})`));
  chat.on('disconnect', (reason) => announced.push(`disconnect (${reason})`));
  return announced;
}

test('a server that cannot be reached is announced at the first attempt, and not at the others', async () => {
  server.refusals = ['websocket error', 'xhr poll error', 'timeout'];
  const chat = server.client();
  const announced = telling(chat);

  await chat.connect().ready();

  assert.deepEqual(announced, ['reconnecting (connect)', 'error unreachable', 'reconnecting (unreachable)', 'connected (login)']);
});

test('the error names the address, the two usual reasons and the cause', async () => {
  server.refusals = ['xhr poll error'];
  const chat = server.client();
  const announced = new Promise<Error>((resolve) => chat.on('error', resolve));
  chat.connect();

  const { message, cause } = await announced;

  assert.match(message, /http:\/\/fake.*origin.*xhr poll error/);
  assert.equal((cause as Error).message, 'xhr poll error');
});

test('each loss is announced again, and so is the first attempt after it that fails', async () => {
  const chat = await server.login();
  const announced = telling(chat);
  for (let loss = 0; loss < 2; loss += 1) {
    server.refusals = ['websocket error', 'websocket error'];
    server.cut();
    await until(() => chat.isConnected());
  }

  const each = ['reconnecting (transport close)', 'disconnect (transport close)', 'error unreachable', 'reconnecting (unreachable)', 'connected (login)'];
  assert.deepEqual(announced, [...each, ...each]);
});

test('a client that connects again tells again', async () => {
  server.refusals = ['websocket error'];
  const chat = await server.login();
  chat.disconnect();
  const announced = telling(chat);
  server.refusals = ['websocket error'];

  await chat.connect().ready();

  assert.ok(announced.includes('error unreachable'), `${announced}`);
});

for (const [what, fate, code] of [
  ['does not answer', 'lost', 'timeout'], ['is overloaded', failure('overloaded'), 'overloaded'], ['wants a pause', failure('rate-limited', { retryAfterMs: 5 }), 'rate-limited'],
] as const) {
  test(`a server that ${what} at the login is announced`, async () => {
    server.fail('connect-user', fate, fate);
    const chat = server.client();
    const announced = telling(chat);

    await chat.connect().ready();

    assert.deepEqual(announced, ['reconnecting (connect)', `error ${code}`, `reconnecting (${code})`, 'connected (login)']);
  });
}

test('a connection that ends before the login is announced', async () => {
  server.fail('connect-user', 'lost');
  const chat = server.client();
  const announced = telling(chat);
  chat.connect();
  await until(() => server.payloads('connect-user').length === 1);
  server.cut('transport close');
  await chat.ready();

  assert.deepEqual(announced, ['reconnecting (connect)', 'error unreachable', 'reconnecting (unreachable)', 'connected (login)']);
});

test('whoever is announced may disconnect: nobody connects again', async () => {
  for (const prepare of [() => { server.refusals = ['websocket error']; }, () => server.fail('connect-user', failure('overloaded'))]) {
    prepare();
    const chat = server.client();
    const announced = telling(chat);
    chat.on('error', () => chat.disconnect());
    chat.connect();
    await until(() => chat.isDisconnected());
    const handshakes = server.tokens.length;
    await new Promise((resolve) => setTimeout(resolve, 100));

    assert.equal(announced.at(-1), 'disconnect (client)');
    assert.equal(server.tokens.length, handshakes);
  }
});

/** What the real socket.io-client makes of a server of that kind. */
async function met(answer: RequestListener | undefined, options = {}): Promise<string[]> {
  const http = createServer(answer).on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  if (!answer) await new Promise((resolve) => http.close(resolve));
  const chat = new Chatzz({ url: `http://127.0.0.1:${port}`, userId: ALICE, timing: { ackTimeout: 200 }, ...options });
  const announced = telling(chat);
  chat.connect();
  await until(() => announced.length >= 3);
  chat.disconnect();
  http.closeAllConnections();
  http.close();
  return announced.slice(0, 3);
}

const UNREACHABLE = ['reconnecting (connect)', 'error unreachable', 'reconnecting (unreachable)'];

test('with socket.io-client: nobody listens at the address', async () => assert.deepEqual(await met(undefined), UNREACHABLE));
test('with socket.io-client: something else answers at the address', async () => {
  assert.deepEqual(await met((_, response) => response.writeHead(404).end('not here')), UNREACHABLE);
  assert.deepEqual(await met((_, response) => response.writeHead(200).end('<!doctype html>')), UNREACHABLE);
});
test('with socket.io-client: the origin is refused', async () => {
  assert.deepEqual(await met((_, response) => response.writeHead(403).end('{"code":4,"message":"Forbidden"}')), UNREACHABLE);
});
test('with socket.io-client: nothing ever answers', async () => {
  assert.deepEqual(await met(() => {}, { socket: { timeout: 100, transports: ['polling'] } }), UNREACHABLE);
});
