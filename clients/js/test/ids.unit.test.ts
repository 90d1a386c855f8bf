/** Ids that are given in another form than the server's. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { FakeServer, until } from './fake.js';

const FORMS = [
  ['65a00000000000000000000a', '65a00000000000000000000b'],
  ['0c0ffee0-aaaa-4bbb-8ccc-00000000000a', '0c0ffee0-aaaa-4bbb-8ccc-00000000000b'],
] as const;

let server: FakeServer;
beforeEach(() => { server = new FakeServer(); });
afterEach(() => server.end());

for (const [alice, bob] of FORMS) {
  test(`${alice} in capitals is the same person`, async () => {
    Object.assign(server, { alice, bob });
    server.store(bob, 'Hi');
    const chat = server.client({ userId: alice.toUpperCase() });
    const early = chat.conversation(bob.toUpperCase());
    await chat.connect().ready();
    assert.equal(chat.userId, alice);

    const sent = early.send('Hello');
    assert.equal(early.messages.at(-1)?.status, 'waiting');
    await sent;

    assert.deepEqual(chat.conversations, [early]);
    assert.equal(chat.conversation(bob), early);
    assert.equal(early.userId, bob);
    assert.deepEqual(early.messages, server.history);
    assert.deepEqual(early.messages.map((message) => 'from' in message && chat.isMine(message)), [false, true]);
    assert.equal(chat.unread, 1);
  });
}

test('other texts are taken as they are', async () => {
  const chat = await server.login();
  assert.notEqual(chat.conversation('Carol'), chat.conversation('carol'));

  const sent = chat.conversation('Carol').send('Hello');
  await until(() => server.payloads('send-message').length === 1);
  await sent;

  assert.equal(server.payloads('send-message')[0].userId, 'Carol');
});
