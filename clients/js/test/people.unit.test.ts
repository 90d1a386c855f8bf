import assert from 'node:assert/strict';
import { test } from 'node:test';

import { People } from '../src/people.js';

const alice = { _id: 'alice', name: 'Alice' };
const bob = { _id: 'bob', name: 'Bob', avatar: 'b.png' };
const added = { chatRoomId: 'room', status: 'online', lastOnline: null, addedBy: 'bob', addedAt: '2026-01-01T00:00:00.000Z' };
const message = (from: unknown, to: unknown, seq = 1) => ({ _id: `m${seq}`, seq, from, to, message: 'hello' });

function people(): People {
  const all = new People();
  const contact = { ...bob, ...added, unreadCount: 1, lastMessage: message('bob', 'alice') };
  all.complete({ user: alice, status: 'online', lastOnline: null, connectedUsers: [contact], missedMessages: {} });
  return all;
}

test('ids in a message become the details that came with the login', () => {
  assert.deepEqual(people().complete(message('bob', 'alice')), message(bob, alice));
});

test('missed messages, pages and lists are completed', () => {
  const all = people();
  const missed = { user: alice, connectedUsers: [{ ...bob, ...added }], missedMessages: { bob: [message('bob', 'alice')] } };
  assert.deepEqual(all.complete(missed).missedMessages.bob, [message(bob, alice)]);
  assert.deepEqual(all.complete({ messages: [message('alice', 'bob', 2)], hasMore: false }).messages, [message(alice, bob, 2)]);
  assert.deepEqual(all.complete([message('alice', 'bob', 3)]), [message(alice, bob, 3)]);
});

test('a contact who is added later is known from then on', () => {
  const all = people();
  assert.deepEqual(all.complete(message('carol', 'alice')), message({ _id: 'carol' }, alice));
  all.complete({ _id: 'carol', name: 'Carol', ...added });
  assert.deepEqual(all.complete(message('carol', 'alice')), message({ _id: 'carol', name: 'Carol' }, alice));
  all.complete({ users: [{ _id: 'dave', name: 'Dave', ...added }], hasMore: false });
  assert.deepEqual(all.complete(message('dave', 'alice')), message({ _id: 'dave', name: 'Dave' }, alice));
});

test('details that came with a message stay, and other data is left alone', () => {
  const all = people();
  assert.deepEqual(all.complete(message({ _id: 'bob', name: 'Robert' }, alice)), message({ _id: 'bob', name: 'Robert' }, alice));
  for (const data of [null, undefined, { read: 2 }, { userId: 'bob', data: { from: 1 } }]) assert.deepEqual(all.complete(data), data);
});
