import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chatzz, connect } from '../src/index.js';
import type { Options } from '../src/index.js';

const GOOD = { url: 'https://chat.example.org', userId: 'alice', io: () => ({ on() {}, connect() {}, disconnect() {} }) as any };

const BAD: Record<string, unknown[]> = {
  url: [undefined, null, '', 'localhost:3000', '/', 'chat.example.org', 'ftp://chat.example.org', 'https://', 'https://chat.example.org/chat', new URL('https://chat.example.org')],
  userId: [undefined, null, '', NaN, 1.5, 2 ** 60, {}, ['alice'], () => 'alice', Symbol('alice')],
  token: [null, '', 7, async () => 'token'],
  getToken: [null, 'token', Promise.resolve('token')],
  storage: [null, 'localStorage', {}, { getItem() {}, setItem() {} }, new Map()],
  pageSize: [0, 501, 1.5, '50', null, NaN],
  maxChars: [0, -1, 1.5, '4000', null],
  timing: [null, 1000, { ackTimeout: -1 }, { ackTimeout: '10s' }, { ackTimeout: '100' }, { retryMax: Infinity }, { retryMin: NaN }, { readDelay: undefined }, { ackTimeOut: 1000 }, { storageTimeout: 2 ** 31 }],
  socket: [null, 'path', true],
  io: [null, {}],
  userID: ['alice'],
  gettoken: [() => 'token'],
};

for (const [name, values] of Object.entries(BAD)) {
  test(`a wrong ${name} is a TypeError that names it`, () => {
    for (const value of values) {
      const options = { ...GOOD, [name]: value } as unknown as Options;
      const named = (error: unknown) => error instanceof TypeError && error.message.startsWith('chatzz: ') && error.message.includes(`option ${name}`);
      assert.throws(() => connect(options), named, String(value));
      assert.throws(() => new Chatzz(options), named, String(value));
    }
  });
}

test('no options at all is a TypeError about the first of them', () => {
  assert.throws(() => connect(undefined as unknown as Options), /TypeError: chatzz: the option url must be an address such as/);
});

test('what is right is taken', () => {
  const all: Partial<Options>[] = [
    {}, { url: 'http://127.0.0.1:3000/' }, { url: 'WSS://[::1]:4000' }, { url: 'https://chat.example.org?room=1' }, { userId: 0 }, { userId: -7 }, { userId: 'ünïcode' },
    { token: 'token' }, { getToken: async () => 'token' }, { storage: new (class { getItem() { return null; } setItem() {} removeItem() {} })() },
    { pageSize: 1 }, { pageSize: 500 }, { maxChars: 1 }, { timing: {} }, { timing: { ackTimeout: 0, retryMin: 0.5, retryMax: 2 ** 31 - 1 } }, { socket: { path: '/chat/' } },
    { token: undefined, getToken: undefined, storage: undefined, pageSize: undefined, timing: undefined, socket: undefined, maxChars: undefined },
  ];
  for (const options of all) new Chatzz({ ...GOOD, ...options });
});
