/** Who may write: blocks, and the whitelist. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import type { PrivacyChange } from '../src/index.js';
import { BOB, FakeServer, failure, until } from './fake.js';

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

test('a block shows in the conversation until it is lifted', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  const shown: boolean[] = [];
  bob.subscribe(() => shown.push(bob.snapshot().blocked));
  assert.equal(bob.blocked, false);

  await chat.block(BOB);
  await chat.block(BOB);
  assert.deepEqual((await chat.blockedUsers()).map(({ _id }) => _id), [BOB]);
  await until(() => shown.length === 1, 'a repeat shows nothing');
  await chat.unblock(BOB);
  await until(() => shown.length === 2);

  assert.deepEqual(shown, [true, false]);
  assert.deepEqual(server.events.slice(1).map(({ event }) => event), ['block-user', 'block-user', 'get-blocked-users', 'unblock-user']);
});

test('a block that is refused shows nothing', async () => {
  const chat = await server.login();
  server.fail('block-user', failure('user-not-found'));

  await assert.rejects(chat.block(BOB), { code: 'user-not-found' });

  assert.equal(chat.conversation(BOB).blocked, false);
});

test('whom the user had blocked is known once it was asked for, and follows the other devices', async () => {
  server.blocked = [BOB, 'carol'];
  const chat = await server.login();
  const announced: PrivacyChange[] = [];
  chat.on('privacy', (change) => announced.push(change));
  assert.equal(chat.conversation(BOB).blocked, false, 'nobody has asked');

  await chat.blockedUsers();
  assert.ok(chat.conversation(BOB).blocked);
  assert.deepEqual(chat.conversations.map(({ userId }) => userId), [BOB], 'a stranger who is blocked is no contact');
  server.push('privacy-changed', { userId: BOB, blocked: false });
  assert.equal(chat.conversation(BOB).snapshot().blocked, false);
  server.push('privacy-changed', { whitelistOnly: true, whitelist: [BOB] });

  assert.deepEqual(announced, [{ userId: BOB, blocked: false }, { whitelistOnly: true, whitelist: [BOB] }]);
});

test('what another device changed during a loss of the connection is asked for at the login', async () => {
  const chat = await server.login();
  await chat.blockedUsers();
  server.cut();
  server.blocked = [BOB];
  await until(() => chat.conversation(BOB).blocked);

  server.cut();
  server.blocked = [];
  await until(() => !chat.conversation(BOB).blocked);
});

test('a list that comes by pages is fetched to its end', async () => {
  const chat = await server.login();
  server.blocked = ['1', '2', '3', '4', '5'];
  server.blockedPage = 2;

  const users = await chat.blockedUsers();

  assert.deepEqual(users.map(({ _id }) => _id), server.blocked);
  assert.deepEqual(server.payloads('get-blocked-users'), [{}, { after: '2' }, { after: '4' }]);
});

test('a list that a change has overtaken is asked for again', async () => {
  const chat = await server.login();
  const answer = server.answer.bind(server);
  server.answer = (event, payload) => {
    const result = answer(event, payload);
    if (event === 'get-blocked-users' && server.blocked.length === 0) {
      server.blocked = [BOB];
      server.push('privacy-changed', { userId: BOB, blocked: true });
    }
    return result;
  };

  assert.deepEqual(await chat.blockedUsers(), [{ _id: BOB }]);
  assert.ok(chat.conversation(BOB).blocked);
});

test('who never asked is not notified of a list that fails, and who did is', async () => {
  const errors: string[] = [];
  const chat = await server.login();
  chat.on('error', ({ code }) => errors.push(code));
  await chat.blockedUsers();
  server.fail('get-blocked-users', failure('bad-request'));
  server.cut();
  await until(() => errors.length === 1);

  assert.deepEqual(errors, ['bad-request']);
  const quiet = await server.login();
  assert.ok(quiet.isConnected());
  assert.equal(server.payloads('get-blocked-users').length, 2);
});

test('a message to somebody who blocked the user fails for good, and can be tried again', async () => {
  const chat = await server.login();
  const bob = chat.conversation(BOB);
  server.fail('send-message', failure('blocked'));

  await assert.rejects(bob.send('Hello?'), { code: 'blocked' });
  const [shown] = bob.messages;
  assert.ok(shown?.status === 'failed' && shown.error?.code === 'blocked');
  assert.equal(chat.isMine(shown), true);

  assert.equal((await chat.retry(shown.clientId)).message, 'Hello?');
});

test('who may write is set, and asked for', async () => {
  const chat = await server.login();

  assert.deepEqual(await chat.setPrivacy({ whitelistOnly: true, whitelist: [BOB] }), { whitelistOnly: true, whitelist: [BOB] });
  assert.deepEqual(await chat.setPrivacy(), { whitelistOnly: false, whitelist: [] });

  assert.deepEqual(server.payloads('set-privacy'), [{ whitelistOnly: true, whitelist: [BOB] }, {}]);
});
